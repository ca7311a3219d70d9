/* The loops over pixels and cells, compiled: what numpy does in dozens of passes over the memory, in one.

   Each function does to the bit what its twin in Python does, in the same order of operations; the twins say what and
   why: `matting.loops`, `matting.grid`, `matting.colour_models` and `shrinking`. All leave Python's lock alone while they
   work. Arrays come as C-contiguous buffers, in the shapes of the twins. */

#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "pixels are taken as little-endian words; numpy's form is used instead"
#endif

/* One build for all processors of a kind, the widest form chosen at run time (glibc's indirect functions). */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__)
#define WIDEST __attribute__((target_clones("avx2", "default")))
#else
#define WIDEST
#endif

#if defined(__GNUC__)
#define INLINE inline __attribute__((always_inline))
#else
#define INLINE inline
#endif

#if defined(__GNUC__) && !defined(__clang__)
#define ROLLED _Pragma("GCC unroll 1")
#else
#define ROLLED
#endif

typedef Py_ssize_t Index;

enum {
    LANES = 8,  /* pixels that are reckoned together; a tile's last ones may be reckoned twice */
    BLOCK = 256 /* pixels that `insert` looks at together */
};

static INLINE float within(float value, float least, float most) {
    value = value > least ? value : least;
    return value < most ? value : most;
}

/* The tiles of a mesh, and which of them. */
typedef struct {
    const Index *i, *j, *down_first, *across_first;
    const float *down_share, *across_share;
    Index count, height, width;
} Tiles;

/* A tile's row: what is the same for all its pixels, and where they are. */
typedef struct {
    float first[5], rise[5], along[4], ramp, scale;
    const float *share, *keys[4];
    const uint32_t *pixels;
    uint8_t *mask;
    uint16_t *fine;
} Rendered;

static INLINE void render_span(const Rendered *row, Index start, Index count) {
    const float *restrict share = row->share + start;
    const float *restrict key0 = row->keys[0] + start, *restrict key1 = row->keys[1] + start;
    const float *restrict key2 = row->keys[2] + start, *restrict key3 = row->keys[3] + start;
    const uint32_t *restrict pixels = row->pixels + start;
    uint8_t *restrict mask = row->mask + start;
    uint16_t *restrict fine = row->fine + start;
    float made[LANES];
    ROLLED for (Index x = 0; x < count; x++) {
        const float s = share[x];
        const uint32_t pixel = pixels[x];
        float alpha = row->along[0] * key0[x];
        alpha = alpha + row->along[1] * key1[x];
        alpha = alpha + row->along[2] * key2[x];
        alpha = alpha + row->along[3] * key3[x];
        alpha = alpha * (1.0f - (s * row->rise[4] + row->first[4]));
        alpha = alpha + (s * row->rise[3] + row->first[3]);
        alpha = alpha + (float)(int32_t)(pixel & 255) * (s * row->rise[0] + row->first[0]);
        alpha = alpha + (float)(int32_t)(pixel >> 8 & 255) * (s * row->rise[1] + row->first[1]);
        alpha = alpha + (float)(int32_t)(pixel >> 16 & 255) * (s * row->rise[2] + row->first[2]);
        made[x] = within((alpha - row->ramp) * row->scale, 0.0f, 1.0f);
    }
    ROLLED for (Index x = 0; x < count; x++) mask[x] = (uint8_t)(int32_t)(made[x] * 255.0f + 0.5f);
    ROLLED for (Index x = 0; x < count; x++) fine[x] = (uint16_t)(int32_t)(made[x] * 65535.0f + 0.5f);
}

WIDEST static void render_tiles(const Tiles *tiles, const float *restrict down_keys, const float *across_keys,
                                Index plane, Index across, const float *restrict models, const float *restrict map,
                                const uint32_t *pixels, uint8_t *mask, uint16_t *fine, Index rows, Index columns,
                                float ramp, float scale) {
    const Index height = tiles->height, width = tiles->width, map_across = across + 2;
    Rendered row = {.ramp = ramp, .scale = scale};
    for (Index t = 0; t < tiles->count; t++) {
        const Index i = tiles->i[t], j = tiles->j[t];
        const Index top = tiles->down_first[i], bottom = tiles->down_first[i + 1];
        const Index left = tiles->across_first[j], many = tiles->across_first[j + 1] - left;
        uint16_t *out = fine + t * rows * columns;
        row.share = tiles->across_share + left;
        for (int k = 0; k < 4; k++) row.keys[k] = across_keys + k * width + left;
        float top_left[5], top_right[5], more_left[5], more_right[5];
        for (int m = 0; m < 5; m++) {
            const float *corner = models + m * plane + i * across + j;
            top_left[m] = corner[0];
            top_right[m] = corner[1];
            more_left[m] = corner[across] - corner[0];
            more_right[m] = corner[across + 1] - corner[1];
        }
        for (Index y = top; y < bottom; y++, out += columns) {
            const float down = tiles->down_share[y];
            for (int m = 0; m < 5; m++) {
                row.first[m] = top_left[m] + down * more_left[m];
                row.rise[m] = (top_right[m] + down * more_right[m]) - row.first[m];
            }
            const float *tap = map + i * map_across + j;
            for (int k = 0; k < 4; k++) {
                float sum = down_keys[y] * tap[k];
                sum = sum + down_keys[height + y] * tap[map_across + k];
                sum = sum + down_keys[2 * height + y] * tap[2 * map_across + k];
                row.along[k] = sum + down_keys[3 * height + y] * tap[3 * map_across + k];
            }
            row.pixels = pixels + y * width + left;
            row.mask = mask + y * width + left;
            row.fine = out;
            if (many < LANES)
                render_span(&row, 0, many);
            else
                for (Index x = 0; x < many; x += LANES) render_span(&row, x < many - LANES ? x : many - LANES, LANES);
            for (Index x = many; x < columns; x++) out[x] = out[x - 1];
        }
        for (Index y = bottom - top; y < rows; y++, out += columns) memcpy(out, out - columns, columns * sizeof *out);
    }
}

typedef struct {
    float first[6], rise[6], texture;
    const float *share;
    const uint8_t *levels;
    uint32_t *pixels;
} Purified;

static INLINE void purify_span(const Purified *row, const uint32_t *restrict shown, uint32_t *restrict made, Index start,
                               Index count) {
    const float *restrict share = row->share + start;
    const uint8_t *restrict levels = row->levels + start;
    float alpha[LANES], weight[LANES];
    uint32_t colours[LANES];
    ROLLED for (Index x = 0; x < count; x++) {
        const float a = (float)(int32_t)levels[x] * (float)(1.0 / 255), rest = 1.0f - a;
        alpha[x] = a;
        weight[x] = a / (a * a + rest * rest + row->texture);
        colours[x] = shown[x] & 0xff000000u;
    }
    for (int c = 0; c < 3; c++)
        ROLLED for (Index x = 0; x < count; x++) {
            const float front = share[x] * row->rise[c] + row->first[c];
            const float back = share[x] * row->rise[c + 3] + row->first[c + 3];
            float colour = (float)(int32_t)(shown[x] >> 8 * c & 255) - back;
            colour = colour - (front - back) * alpha[x];
            colour = colour * weight[x] + front;
            colour = within(colour + 0.5f, 0.0f, 255.0f);
            colours[x] |= (uint32_t)(int32_t)colour << 8 * c;
        }
    ROLLED for (Index x = 0; x < count; x++) made[x] = levels[x] > 0 && levels[x] < 255 ? colours[x] : shown[x];
}

/* Whether all of so many levels are 0, or all 255. */
static INLINE int is_plain(const uint8_t *levels, Index count) {
    uint8_t lowest = 255, highest = 0;
    ROLLED for (Index x = 0; x < count; x++) {
        lowest &= levels[x];
        highest |= levels[x];
    }
    return lowest == 255 || highest == 0;
}

WIDEST static void purify_tiles(const Tiles *tiles, const Index *restrict numbers, Index across,
                                const float *restrict values, Index many_values, const uint8_t *levels,
                                uint32_t *pixels, float texture) {
    const Index width = tiles->width;
    Purified row = {.texture = texture};
    for (Index t = 0; t < tiles->count; t++) {
        const Index i = tiles->i[t], j = tiles->j[t];
        const Index left = tiles->across_first[j], many = tiles->across_first[j + 1] - left;
        const Index *corner = numbers + i * across + j;
        float top_left[6], top_right[6], more_left[6], more_right[6];
        for (int m = 0; m < 6; m++) {
            const float *field = values + m * many_values;
            top_left[m] = field[corner[0]];
            top_right[m] = field[corner[1]];
            more_left[m] = field[corner[across]] - top_left[m];
            more_right[m] = field[corner[across + 1]] - top_right[m];
        }
        row.share = tiles->across_share + left;
        for (Index y = tiles->down_first[i]; y < tiles->down_first[i + 1]; y++) {
            row.levels = levels + y * width + left;
            if (is_plain(row.levels, many)) continue;
            const float down = tiles->down_share[y];
            for (int m = 0; m < 6; m++) {
                row.first[m] = top_left[m] + down * more_left[m];
                row.rise[m] = (top_right[m] + down * more_right[m]) - row.first[m];
            }
            uint32_t *shown = pixels + y * width + left, made[LANES], last[LANES];
            Index x = 0;
            if (many >= LANES) {
                /* The last ones are made before any is written, because some may be among those before them. */
                purify_span(&row, shown + many - LANES, last, many - LANES, LANES);
                for (; x < many - LANES; x += LANES) {
                    purify_span(&row, shown + x, made, x, LANES);
                    memcpy(shown + x, made, sizeof made);
                }
                memcpy(shown + many - LANES, last, sizeof last);
            } else {
                purify_span(&row, shown, made, 0, many);
                memcpy(shown, made, many * sizeof *made);
            }
        }
    }
}

WIDEST static void relax_half(float *restrict mine, const float *restrict others, const Index *restrict beside,
                              const float *restrict pulls, const float *restrict own, const float *restrict across,
                              const float *restrict fixed, Index n, Index many_others, float overshoot) {
    for (int c = 0; c < 3; c++) {
        const float *restrict front = others + c * many_others, *restrict back = others + (c + 3) * many_others;
        float *restrict my_front = mine + c * n, *restrict my_back = mine + (c + 3) * n;
        const float *restrict fixed_front = fixed + c * n, *restrict fixed_back = fixed + (c + 3) * n;
        for (Index k = 0; k < n; k++) {
            float f = front[beside[k]] * pulls[k], b = back[beside[k]] * pulls[k];
            for (int side = 1; side < 4; side++) {
                const Index there = beside[side * n + k];
                const float pull = pulls[side * n + k];
                f = f + front[there] * pull;
                b = b + back[there] * pull;
            }
            float new_front = fixed_front[k] - my_front[k], new_back = fixed_back[k] - my_back[k];
            new_front = new_front + own[k] * f;
            new_back = new_back + own[n + k] * b;
            new_front = new_front + across[k] * b;
            new_back = new_back + across[k] * f;
            my_front[k] = within(new_front * overshoot + my_front[k], 0.0f, 255.0f);
            my_back[k] = within(new_back * overshoot + my_back[k], 0.0f, 255.0f);
        }
    }
}

WIDEST static void insert_pixels(const uint32_t *shown, const uint8_t *restrict mask, uint32_t *result, Index count) {
    for (Index first = 0; first < count; first += BLOCK) {
        const Index many = count - first < BLOCK ? count - first : BLOCK;
        uint8_t any = 0;
        for (Index k = 0; k < many; k++) any |= mask[first + k];
        if (!any && result != shown) continue; /* new memory that stays 0 is never touched */
        for (Index k = first; k < first + many; k++)
            result[k] = mask[k] ? (shown[k] & 0xffffffu) | (uint32_t)mask[k] << 24 : 0;
    }
}

WIDEST static void mean_of_boxes(const float *restrict field, float *restrict means, float *restrict row, Index height,
                                 Index width, Index radius, float share) {
    for (Index y = 0; y < height; y++) {
        const Index top = y > radius ? y - radius : 0, bottom = y + radius < height ? y + radius : height - 1;
        float *restrict sums = row + radius;
        memcpy(sums, field + top * width, width * sizeof *sums);
        for (Index there = top + 1; there <= bottom; there++)
            for (Index x = 0; x < width; x++) sums[x] = sums[x] + field[there * width + x];
        for (Index x = 0; x < width; x++) {
            float sum = row[x];
            for (Index shift = 1; shift <= 2 * radius; shift++) sum = sum + row[x + shift];
            means[y * width + x] = sum * share;
        }
    }
}

WIDEST static void halve_fields(const float *restrict fields, float *restrict halves, Index many, Index height,
                                Index width) {
    const Index half = (width + 1) / 2;
    for (Index m = 0; m < many; m++, fields += height * width)
        for (Index y = 0; y < height; y += 2, halves += half) {
            const float *restrict upper = fields + y * width;
            const float *restrict lower = y + 1 < height ? upper + width : upper;
            for (Index x = 0; x < width / 2; x++)
                halves[x] = ((upper[2 * x] + lower[2 * x]) + (upper[2 * x + 1] + lower[2 * x + 1])) * 0.25f;
            if (width % 2) {
                const float last = upper[width - 1] + lower[width - 1];
                halves[half - 1] = (last + last) * 0.25f;
            }
        }
}

/* The symmetric 3×3 system of a cell, by cofactors, as `colour_models.solve`. */
static INLINE void solve_cell(const float m[6], const float v[3], float solved[3]) {
    const float c0 = m[3] * m[5] - m[4] * m[4], c1 = m[2] * m[4] - m[1] * m[5], c2 = m[1] * m[4] - m[2] * m[3];
    const float c3 = m[0] * m[5] - m[2] * m[2], c4 = m[1] * m[2] - m[0] * m[4], c5 = m[0] * m[3] - m[1] * m[1];
    const float determinant = m[0] * c0 + m[1] * c1 + m[2] * c2;
    solved[0] = (c0 * v[0] + c1 * v[1] + c2 * v[2]) / determinant;
    solved[1] = (c1 * v[0] + c3 * v[1] + c4 * v[2]) / determinant;
    solved[2] = (c2 * v[0] + c4 * v[1] + c5 * v[2]) / determinant;
}

static INLINE float dot(const float a[3], const float b[3]) { return (a[0] * b[0] + a[1] * b[1]) + a[2] * b[2]; }

WIDEST static void discriminate_cells(const float *restrict means, const float *restrict colours,
                                      const Index *restrict cells, float *restrict models, Index n, Index area,
                                      float shrinkage, float noise, float tiny, float radius) {
    for (Index k = 0; k < n; k++) {
        const Index cell = cells[k];
        const float subject = means[cell], background = means[area + cell];
        const float weight[2] = {subject + tiny, background + tiny};
        float front[3], back[3], difference[3], shown[3], within_both[6];
        for (int c = 0; c < 3; c++) {
            front[c] = means[(2 + c) * area + cell] / weight[0];
            back[c] = means[(5 + c) * area + cell] / weight[1];
            difference[c] = front[c] - back[c];
            shown[c] = colours[c * area + cell];
        }
        for (int c = 0, f = 0; c < 3; c++)
            for (int d = c; d < 3; d++, f++) {
                const float spread = means[(8 + f) * area + cell] - subject * (front[c] * front[d]);
                within_both[f] = (spread - background * (back[c] * back[d])) / (subject + background + tiny);
            }
        const float trace = within_both[0] + within_both[3] + within_both[5];
        const float more = shrinkage * (trace > 0.0f ? trace : 0.0f) + noise;
        within_both[0] = within_both[0] + more;
        within_both[3] = within_both[3] + more;
        within_both[5] = within_both[5] + more;
        float slope[3], beside[3], away[3];
        solve_cell(within_both, difference, slope);
        float separability = dot(slope, difference);
        separability = separability > 0.0f ? separability : 0.0f;
        for (int c = 0; c < 3; c++) slope[c] = slope[c] / (separability + tiny);
        const float offset = -dot(slope, back);
        const float place = within(dot(slope, shown) + offset, 0.0f, 1.0f);
        for (int c = 0; c < 3; c++) beside[c] = shown[c] - back[c] - place * difference[c];
        solve_cell(within_both, beside, away);
        float distance = dot(beside, away);
        distance = (distance > 0.0f ? distance : 0.0f) / radius;
        const float seen = subject < background ? subject : background;
        const float say = separability * seen / (seen + 1e-3f) / (1.0f + distance * distance);
        for (int c = 0; c < 3; c++) models[c * n + k] = slope[c] * say;
        models[3 * n + k] = offset * say;
        models[4 * n + k] = say;
    }
}

WIDEST static void read_between(const float *restrict fields, const Index *restrict top, const Index *restrict bottom,
                                const Index *restrict left, const Index *restrict right, const float *restrict down,
                                const float *restrict across, float *restrict result, Index many, Index n, Index area) {
    for (Index m = 0; m < many; m++, fields += area, result += n)
        for (Index k = 0; k < n; k++) {
            const float a = fields[top[k] + left[k]], b = fields[bottom[k] + left[k]];
            const float upper = a + across[k] * (fields[top[k] + right[k]] - a);
            const float lower = b + across[k] * (fields[bottom[k] + right[k]] - b);
            result[k] = (lower - upper) * down[k] + upper;
        }
}

/* Means of square blocks of pixels as Pillow's `reduce` has them: the sum and half a block, by a reciprocal of 24 bits.
   `sums` has room for a row. */
WIDEST static void mean_of_blocks(const uint8_t *restrict pixels, uint8_t *restrict means, uint16_t *restrict sums,
                                  Index height, Index width, Index channels, Index block) {
    const Index length = width * channels;
    for (Index top = 0; top < height; top += block) {
        const Index rows = height - top < block ? height - top : block;
        for (Index x = 0; x < length; x++) sums[x] = pixels[top * length + x];
        for (Index row = top + 1; row < top + rows; row++)
            for (Index x = 0; x < length; x++) sums[x] = (uint16_t)(sums[x] + pixels[row * length + x]);
        for (Index left = 0; left < width; left += block) {
            const Index columns = width - left < block ? width - left : block;
            const uint32_t count = (uint32_t)(rows * columns), share = (1u << 24) / count;
            const uint16_t *restrict from = sums + left * channels;
            if (channels == 4) {
                uint64_t four, total = 0; /* all channels in one word, which none leaves: see MOST_BLOCK_PX */
                for (Index x = 0; x < columns; x++) {
                    memcpy(&four, from + 4 * x, sizeof four);
                    total += four;
                }
                for (int c = 0; c < 4; c++) *means++ = (uint8_t)(((total >> 16 * c & 65535) + count / 2) * share >> 24);
            } else {
                uint32_t total = count / 2;
                for (Index x = 0; x < columns; x++) total += from[x];
                *means++ = (uint8_t)(total * share >> 24);
            }
        }
    }
}

/* The arrays of one call: taken one by one, all given back at its end. The first that is not as expected sets the error
   and the rest are not looked at. */
typedef struct {
    Py_buffer views[16];
    int count, failed;
} Arrays;

static const void *take(Arrays *arrays, PyObject *object, Py_ssize_t item, Py_ssize_t least, int flags) {
    if (arrays->failed) return NULL;
    Py_buffer *view = &arrays->views[arrays->count];
    arrays->failed = PyObject_GetBuffer(object, view, flags);
    if (arrays->failed) return NULL;
    arrays->count++;
    if (view->itemsize == item && view->len >= item * least) return view->buf;
    arrays->failed = 1;
    PyErr_Format(PyExc_ValueError, "array %d has %zd bytes by %zd; expected %zd by %zd", arrays->count, view->len,
                 view->itemsize, item * least, item);
    return NULL;
}

#define READ(type, object, least) ((const type *)take(&arrays, object, sizeof(type), least, PyBUF_CONTIG_RO))
#define WRITE(type, object, least) ((type *)take(&arrays, object, sizeof(type), least, PyBUF_CONTIG))

static Py_ssize_t extent(const Arrays *arrays, int dimension) {
    const Py_buffer *view = &arrays->views[arrays->count - 1];
    if (arrays->failed || !view->shape) return 0;
    return view->shape[dimension < 0 ? view->ndim + dimension : dimension];
}

static PyObject *finished(Arrays *arrays) {
    while (arrays->count) PyBuffer_Release(&arrays->views[--arrays->count]);
    if (arrays->failed) return NULL;
    Py_RETURN_NONE;
}

#define WORK(call)                      \
    if (!arrays.failed) {               \
        Py_BEGIN_ALLOW_THREADS          \
        call;                           \
        Py_END_ALLOW_THREADS            \
    }                                   \
    return finished(&arrays);


/* What all functions over tiles begin with: i, j, the first pixels of the tiles and the shares of the pixels. */
static Tiles tiles_of(Arrays *all, PyObject *objects[6]) {
    Arrays arrays = *all;
    Tiles tiles = {0};
    tiles.i = READ(Index, objects[0], 0);
    tiles.count = extent(&arrays, 0);
    tiles.j = READ(Index, objects[1], tiles.count);
    tiles.down_first = READ(Index, objects[2], 2);
    tiles.across_first = READ(Index, objects[3], 2);
    tiles.down_share = READ(float, objects[4], 1);
    tiles.height = extent(&arrays, 0);
    tiles.across_share = READ(float, objects[5], 1);
    tiles.width = extent(&arrays, 0);
    *all = arrays;
    return tiles;
}

static PyObject *render(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *of[6], *down_keys, *across_keys, *models, *map, *pixels, *mask, *fine;
    float ramp, scale;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOOOOOff", of, of + 1, of + 2, of + 3, of + 4, of + 5, &down_keys,
                          &across_keys, &models, &map, &pixels, &mask, &fine, &ramp, &scale))
        return NULL;
    Arrays arrays = {0};
    const Tiles tiles = tiles_of(&arrays, of);
    const Index area = tiles.height * tiles.width;
    const float *down = READ(float, down_keys, 4 * tiles.height), *across = READ(float, across_keys, 4 * tiles.width);
    const float *fields = READ(float, models, 5);
    const Index wide = extent(&arrays, -1), high = extent(&arrays, -2);
    const float *cubic = READ(float, map, (high + 2) * (wide + 2));
    const uint32_t *seen = (const uint32_t *)READ(uint8_t, pixels, 4 * area);
    uint8_t *said = WRITE(uint8_t, mask, area);
    uint16_t *finer = WRITE(uint16_t, fine, tiles.count);
    const Index rows = extent(&arrays, 1), columns = extent(&arrays, 2);
    WORK(render_tiles(&tiles, down, across, high * wide, wide, fields, cubic, seen, said, finer, rows, columns, ramp,
                      scale))
}

static PyObject *purify(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *of[6], *numbers, *values, *levels, *pixels;
    float texture;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOOf", of, of + 1, of + 2, of + 3, of + 4, of + 5, &numbers, &values, &levels,
                          &pixels, &texture))
        return NULL;
    Arrays arrays = {0};
    const Tiles tiles = tiles_of(&arrays, of);
    const Index area = tiles.height * tiles.width;
    const Index *which = READ(Index, numbers, 4);
    const Index across = extent(&arrays, 1);
    const float *fields = READ(float, values, 6);
    const Index many = extent(&arrays, 1);
    const uint8_t *level = READ(uint8_t, levels, area);
    uint32_t *shown = (uint32_t *)WRITE(uint8_t, pixels, 4 * area);
    WORK(purify_tiles(&tiles, which, across, fields, many, level, shown, texture))
}

static PyObject *relax(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *mine, *others, *beside, *pulls, *own, *across, *fixed;
    float overshoot;
    if (!PyArg_ParseTuple(args, "OOOOOOOf", &mine, &others, &beside, &pulls, &own, &across, &fixed, &overshoot))
        return NULL;
    Arrays arrays = {0};
    float *ours = WRITE(float, mine, 6);
    const Index n = extent(&arrays, 1);
    const float *theirs = READ(float, others, 6);
    const Index many = extent(&arrays, 1);
    const Index *which = READ(Index, beside, 4 * n);
    const float *pull = READ(float, pulls, 4 * n), *diagonal = READ(float, own, 2 * n);
    const float *mixed = READ(float, across, n), *alone = READ(float, fixed, 6 * n);
    WORK(relax_half(ours, theirs, which, pull, diagonal, mixed, alone, n, many, overshoot))
}

static PyObject *insert(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *pixels, *mask, *result;
    if (!PyArg_ParseTuple(args, "OOO", &pixels, &mask, &result)) return NULL;
    Arrays arrays = {0};
    const uint8_t *level = READ(uint8_t, mask, 0);
    const Index count = arrays.failed ? 0 : arrays.views[0].len;
    const uint32_t *shown = (const uint32_t *)READ(uint8_t, pixels, 4 * count);
    uint32_t *made = (uint32_t *)WRITE(uint8_t, result, 4 * count);
    WORK(insert_pixels(shown, level, made, count))
}

static PyObject *block_means(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *pixels, *means, *sums;
    Index block;
    if (!PyArg_ParseTuple(args, "OOOn", &pixels, &means, &sums, &block)) return NULL;
    Arrays arrays = {0};
    const uint8_t *from = READ(uint8_t, pixels, 1);
    const Index height = extent(&arrays, 0), width = extent(&arrays, 1);
    const Index channels = arrays.failed || arrays.views[0].ndim == 2 ? 1 : extent(&arrays, 2);
    const Index many = ((height + block - 1) / block) * ((width + block - 1) / block) * channels;
    uint8_t *to = WRITE(uint8_t, means, many);
    uint16_t *row = WRITE(uint16_t, sums, width * channels);
    WORK(mean_of_blocks(from, to, row, height, width, channels, block))
}

static PyObject *box_mean(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *fields, *means, *row;
    Index radius;
    float share;
    if (!PyArg_ParseTuple(args, "OOOnf", &fields, &means, &row, &radius, &share)) return NULL;
    Arrays arrays = {0};
    const float *from = READ(float, fields, 1);
    const Index many = extent(&arrays, -3), height = extent(&arrays, -2), width = extent(&arrays, -1);
    float *to = WRITE(float, means, many * height * width);
    float *sums = WRITE(float, row, width + 2 * radius);
    WORK(for (Index m = 0; m < many; m++) mean_of_boxes(from + m * height * width, to + m * height * width, sums,
                                                        height, width, radius, share))
}

static PyObject *halve(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *fields, *halves;
    if (!PyArg_ParseTuple(args, "OO", &fields, &halves)) return NULL;
    Arrays arrays = {0};
    const float *from = READ(float, fields, 1);
    const Index many = extent(&arrays, -3), height = extent(&arrays, -2), width = extent(&arrays, -1);
    float *to = WRITE(float, halves, many * ((height + 1) / 2) * ((width + 1) / 2));
    WORK(halve_fields(from, to, many, height, width))
}

static PyObject *discriminate(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *means, *colours, *cells, *models;
    float shrinkage, noise, tiny, radius;
    if (!PyArg_ParseTuple(args, "OOOOffff", &means, &colours, &cells, &models, &shrinkage, &noise, &tiny, &radius))
        return NULL;
    Arrays arrays = {0};
    const float *shown = READ(float, colours, 3);
    const Index area = extent(&arrays, -2) * extent(&arrays, -1);
    const float *mean = READ(float, means, 14 * area);
    const Index *which = READ(Index, cells, 0);
    const Index n = extent(&arrays, 0);
    float *made = WRITE(float, models, 5 * n);
    WORK(discriminate_cells(mean, shown, which, made, n, area, shrinkage, noise, tiny, radius))
}

static PyObject *between(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *fields, *top, *bottom, *left, *right, *down, *across, *result;
    if (!PyArg_ParseTuple(args, "OOOOOOOO", &fields, &top, &bottom, &left, &right, &down, &across, &result))
        return NULL;
    Arrays arrays = {0};
    const float *from = READ(float, fields, 1);
    const Index many = extent(&arrays, -3), area = extent(&arrays, -2) * extent(&arrays, -1);
    const Index *upper = READ(Index, top, 0);
    const Index n = extent(&arrays, 0);
    const Index *lower = READ(Index, bottom, n), *before = READ(Index, left, n), *behind = READ(Index, right, n);
    const float *down_share = READ(float, down, n), *across_share = READ(float, across, n);
    float *to = WRITE(float, result, many * n);
    WORK(read_between(from, upper, lower, before, behind, down_share, across_share, to, many, n, area))
}

static PyMethodDef methods[] = {
    {"render", render, METH_VARARGS, NULL},
    {"purify", purify, METH_VARARGS, NULL},
    {"relax", relax, METH_VARARGS, NULL},
    {"insert", insert, METH_VARARGS, NULL},
    {"block_means", block_means, METH_VARARGS, NULL},
    {"box_mean", box_mean, METH_VARARGS, NULL},
    {"halve", halve, METH_VARARGS, NULL},
    {"discriminate", discriminate, METH_VARARGS, NULL},
    {"between", between, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_loops", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__loops(void) { return PyModuleDef_Init(&definition); }
