// The loops over samples at a file's own rate, of which there are six times as many as at the rate that is wanted. Swift cannot compile
// a function for a processor that has more than the baseline; C can, and what is there is asked when it runs. Each is compiled for both
// where there are two, and is told which of them to be, so that a test asks both whatever it runs on.
#include <stddef.h>

typedef float kernel_floats __attribute__((vector_size(32), aligned(4)));

static inline __attribute__((always_inline)) float kernel_sum(const kernel_floats *v) {
  return (((*v)[0] + (*v)[4]) + ((*v)[2] + (*v)[6])) + (((*v)[1] + (*v)[5]) + ((*v)[3] + (*v)[7]));
}

// `taps` is a multiple of 8. Four results at once read each coefficient once, and do not wait for each other's sums.
static inline __attribute__((always_inline)) void kernel_filter_body(
    const float *in, ptrdiff_t step, const float *taps, ptrdiff_t count_of_taps, float *out, ptrdiff_t stride,
    ptrdiff_t count) {
#pragma clang fp contract(fast)
  ptrdiff_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const float *x = in + i * step;
    kernel_floats a = {0}, b = {0}, c = {0}, d = {0};
    for (ptrdiff_t k = 0; k < count_of_taps; k += 8) {
      kernel_floats h = *(const kernel_floats *)(taps + k);
      a += h * *(const kernel_floats *)(x + k);
      b += h * *(const kernel_floats *)(x + step + k);
      c += h * *(const kernel_floats *)(x + 2 * step + k);
      d += h * *(const kernel_floats *)(x + 3 * step + k);
    }
    out[i * stride] = kernel_sum(&a);
    out[(i + 1) * stride] = kernel_sum(&b);
    out[(i + 2) * stride] = kernel_sum(&c);
    out[(i + 3) * stride] = kernel_sum(&d);
  }
  for (; i < count; i++) {
    const float *x = in + i * step;
    kernel_floats a = {0};
    for (ptrdiff_t k = 0; k < count_of_taps; k += 8)
      a += *(const kernel_floats *)(taps + k) * *(const kernel_floats *)(x + k);
    out[i * stride] = kernel_sum(&a);
  }
}

static inline __attribute__((always_inline)) void kernel_mix_body(
    const float *left, const float *right, float gain, float *out, ptrdiff_t count, float *power_of_mix,
    float *power_of_both) {
#pragma clang fp contract(fast)
  kernel_floats mixed = {0}, both = {0};
  float last_mixed = 0, last_both = 0;
  ptrdiff_t i = 0;
  for (; i + 8 <= count; i += 8) {
    kernel_floats l = *(const kernel_floats *)(left + i), r = *(const kernel_floats *)(right + i), m = (l + r) * gain;
    *(kernel_floats *)(out + i) = m;
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
  *power_of_mix = kernel_sum(&mixed) + last_mixed;
  *power_of_both = kernel_sum(&both) + last_both;
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static inline void kernel_filter_wide(
    const float *in, ptrdiff_t step, const float *taps, ptrdiff_t count_of_taps, float *out, ptrdiff_t stride,
    ptrdiff_t count) {
  kernel_filter_body(in, step, taps, count_of_taps, out, stride, count);
}

__attribute__((target("avx2,fma"))) static inline void kernel_mix_wide(
    const float *left, const float *right, float gain, float *out, ptrdiff_t count, float *power_of_mix,
    float *power_of_both) {
  kernel_mix_body(left, right, gain, out, count, power_of_mix, power_of_both);
}
#endif

// Whether this processor has what the wide ones need.
static inline int kernel_has_wide(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return 0;
#endif
}

// out[i * stride] = sum of in[i * step + k] * taps[k]; the number of taps is a multiple of 8.
static inline void kernel_filter(
    int is_wide, const float *in, ptrdiff_t step, const float *taps, ptrdiff_t count_of_taps, float *out,
    ptrdiff_t stride, ptrdiff_t count) {
#if defined(__x86_64__)
  if (is_wide) return kernel_filter_wide(in, step, taps, count_of_taps, out, stride, count);
#endif
  kernel_filter_body(in, step, taps, count_of_taps, out, stride, count);
}

// out = (left + right) * gain, and the sums of squares of what comes out and of what goes in.
static inline void kernel_mix(
    int is_wide, const float *left, const float *right, float gain, float *out, ptrdiff_t count, float *power_of_mix,
    float *power_of_both) {
#if defined(__x86_64__)
  if (is_wide) return kernel_mix_wide(left, right, gain, out, count, power_of_mix, power_of_both);
#endif
  kernel_mix_body(left, right, gain, out, count, power_of_mix, power_of_both);
}
