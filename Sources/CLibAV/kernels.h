// The loops over samples at a file's own rate, of which there are six times as many as at the rate that is wanted. Swift cannot compile
// a function for a processor that has more than the baseline; C can, and what is there is asked when it runs.
#include <stddef.h>

typedef float libav_floats __attribute__((vector_size(32), aligned(4)));

static inline __attribute__((always_inline)) float libav_sum(const libav_floats *v) {
  return (((*v)[0] + (*v)[4]) + ((*v)[2] + (*v)[6])) + (((*v)[1] + (*v)[5]) + ((*v)[3] + (*v)[7]));
}

// `taps` is a multiple of 8. Four results at once read each coefficient once, and do not wait for each other's sums.
static inline __attribute__((always_inline)) void libav_filter_body(
    const float *in, ptrdiff_t step, const float *taps, ptrdiff_t count_of_taps, float *out, ptrdiff_t stride,
    ptrdiff_t count) {
#pragma clang fp contract(fast)
  ptrdiff_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const float *x = in + i * step;
    libav_floats a = {0}, b = {0}, c = {0}, d = {0};
    for (ptrdiff_t k = 0; k < count_of_taps; k += 8) {
      libav_floats h = *(const libav_floats *)(taps + k);
      a += h * *(const libav_floats *)(x + k);
      b += h * *(const libav_floats *)(x + step + k);
      c += h * *(const libav_floats *)(x + 2 * step + k);
      d += h * *(const libav_floats *)(x + 3 * step + k);
    }
    out[i * stride] = libav_sum(&a);
    out[(i + 1) * stride] = libav_sum(&b);
    out[(i + 2) * stride] = libav_sum(&c);
    out[(i + 3) * stride] = libav_sum(&d);
  }
  for (; i < count; i++) {
    const float *x = in + i * step;
    libav_floats a = {0};
    for (ptrdiff_t k = 0; k < count_of_taps; k += 8)
      a += *(const libav_floats *)(taps + k) * *(const libav_floats *)(x + k);
    out[i * stride] = libav_sum(&a);
  }
}

static inline __attribute__((always_inline)) void libav_mix_body(
    const float *left, const float *right, float gain, float *out, ptrdiff_t count, float *power_of_mix,
    float *power_of_both) {
#pragma clang fp contract(fast)
  libav_floats mixed = {0}, both = {0};
  float last_mixed = 0, last_both = 0;
  ptrdiff_t i = 0;
  for (; i + 8 <= count; i += 8) {
    libav_floats l = *(const libav_floats *)(left + i), r = *(const libav_floats *)(right + i), m = (l + r) * gain;
    *(libav_floats *)(out + i) = m;
    mixed += m * m;
    both += l * l;
    both += r * r;
  }
  for (; i < count; i++) {
    float m = (left[i] + right[i]) * gain;
    out[i] = m;
    last_mixed += m * m;
    last_both += left[i] * left[i] + right[i] * right[i];
  }
  *power_of_mix = libav_sum(&mixed) + last_mixed;
  *power_of_both = libav_sum(&both) + last_both;
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static inline void libav_filter_wide(
    const float *in, ptrdiff_t step, const float *taps, ptrdiff_t count_of_taps, float *out, ptrdiff_t stride,
    ptrdiff_t count) {
  libav_filter_body(in, step, taps, count_of_taps, out, stride, count);
}

__attribute__((target("avx2,fma"))) static inline void libav_mix_wide(
    const float *left, const float *right, float gain, float *out, ptrdiff_t count, float *power_of_mix,
    float *power_of_both) {
  libav_mix_body(left, right, gain, out, count, power_of_mix, power_of_both);
}

static inline int libav_is_wide(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

// out[i * stride] = sum of in[i * step + k] * taps[k]; the number of taps is a multiple of 8.
static inline void libav_filter(
    const float *in, ptrdiff_t step, const float *taps, ptrdiff_t count_of_taps, float *out, ptrdiff_t stride,
    ptrdiff_t count) {
#if defined(__x86_64__)
  if (libav_is_wide()) return libav_filter_wide(in, step, taps, count_of_taps, out, stride, count);
#endif
  libav_filter_body(in, step, taps, count_of_taps, out, stride, count);
}

// out = (left + right) * gain, and the sums of squares of what comes out and of what goes in.
static inline void libav_mix(
    const float *left, const float *right, float gain, float *out, ptrdiff_t count, float *power_of_mix,
    float *power_of_both) {
#if defined(__x86_64__)
  if (libav_is_wide()) return libav_mix_wide(left, right, gain, out, count, power_of_mix, power_of_both);
#endif
  libav_mix_body(left, right, gain, out, count, power_of_mix, power_of_both);
}
