"""Models in one file, carried to machines without a network: packed here, verified and unpacked there."""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from u2bg.errors import BadModel, SourceMissing
from u2bg.files import replacing
from u2bg.saliency import store
from u2bg.saliency.checks import flaw_of
from u2bg.saliency.models import MODELS, ModelSpec


def pack(specs: Sequence[ModelSpec], path: Path) -> None:
    """Write the files of models, each verified, into one ZIP file; uncompressed, because weights do not compress.

    Raises:
        BadModel: a model's file is damaged or not here. CannotWrite: the ZIP file cannot be written.
    """
    with replacing(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for spec in specs:
            source = store.locate(spec)
            flaw = flaw_of(source, store.seal(spec)) if source else "got no file"
            if source is None or flaw:
                raise BadModel(f"model '{spec.name}' cannot be packed: {flaw}; fix: {store.remedy(spec)}")
            archive.write(source, spec.file)


def unpack(path: Path) -> Iterator[tuple[ModelSpec, Path]]:
    """Put each model of a packed file into the models' folder, verified as if it had been pulled.

    Only files that the table of models names are taken out; names in the archive choose no folder.

    Yields:
        Each model and where its file is now.

    Raises:
        SourceMissing: there is no such file. BadModel: it is no packed file, or a model in it is damaged; those
        before it are in place. CannotWrite: the models' folder cannot be written to.
    """
    by_file = {spec.file: spec for spec in MODELS.values() if not spec.embedded}
    with _opened(path) as archive:
        found = [by_file[name] for name in archive.namelist() if name in by_file]
        if not found:
            raise BadModel(
                f"'{path}' holds no model that this version knows; fix: u2bg models pack makes one"
            )
        for spec in found:
            yield spec, _unpack_one(archive, spec, path)


def _unpack_one(archive: zipfile.ZipFile, spec: ModelSpec, path: Path) -> Path:
    place = store.place(spec)
    seal = store.seal(spec)
    with replacing(place, make_folder=True) as part:
        try:
            with archive.open(spec.file) as source, part.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
        except (zipfile.BadZipFile, EOFError) as error:
            raise BadModel(f"'{path}' is damaged at {spec.file}; fix: get a whole copy") from error
        flaw = flaw_of(part, seal)
        if flaw:
            raise BadModel(f"model '{spec.name}' in '{path}' is damaged: {flaw}; fix: pack it again")
    store.remember(spec, place)
    return place


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise BadModel(f"'{path}' is no packed file of models; fix: u2bg models pack makes one") from error
    except OSError as error:
        raise SourceMissing(
            f"cannot read '{path}': {error.strerror or error}; fix: check the name"
        ) from error
    with archive:
        yield archive
