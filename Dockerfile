# The server alone: no compiler, no shell tools beyond the base image, no root, nothing written.
#   docker build -t u2bg . && docker run --rm -p 7000:7000 --read-only --cap-drop ALL u2bg
# Its size without an engine to build it: python tools/image_size.py

FROM python:3.13 AS build
WORKDIR /src
COPY requirements/server.txt requirements/build.txt requirements/
RUN python -m venv /app \
 && /app/bin/python -m pip install --no-cache-dir --require-hashes --no-deps --only-binary=:all: -r requirements/server.txt \
 && python -m pip install --no-cache-dir --require-hashes --no-deps --only-binary=:all: -r requirements/build.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY LICENSES LICENSES
COPY src src
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /app/bin/python -m pip install --no-cache-dir --no-deps /wheels/*.whl \
 && /app/bin/python -m pip uninstall --yes pip

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home u2bg
COPY --from=build /app /app
USER 10001
ENV PATH=/app/bin:$PATH PYTHONDONTWRITEBYTECODE=1 U2BG_HOST=0.0.0.0 MALLOC_ARENA_MAX=2
EXPOSE 7000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7000/readyz', timeout=2)"]
ENTRYPOINT ["u2bg"]
CMD ["serve"]
