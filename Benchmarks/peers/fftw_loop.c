/* The floor for anything that looks at spectra: Chromaprint's frames (11025 Hz, 4096 samples, hop 1365, Hamming window) through FFTW,
   and the power of the bins that Chromaprint uses. Nothing else. usage: fftw_loop FILE.f32 REPETITIONS */
#include <fftw3.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RATE = 11025, FRAME = 4096, HOP = 1365, FIRST_BIN = 10, LAST_BIN = 1308 };

static double cpu_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

static float *read_samples(const char *path, long *count) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *count = ftell(file) / (long)sizeof(float);
  rewind(file);
  float *samples = malloc(*count * sizeof(float));
  size_t got = samples ? fread(samples, sizeof(float), *count, file) : 0;
  fclose(file);
  return got == (size_t)*count ? samples : NULL;
}

int main(int argc, char **argv) {
  long count = 0;
  int repetitions = argc == 3 ? atoi(argv[2]) : 0;
  float *samples = repetitions > 0 ? read_samples(argv[1], &count) : NULL;
  if (!samples || count < FRAME) {
    fprintf(stderr, "usage: fftw_loop FILE.f32 REPETITIONS\n");
    return 64;
  }
  float *frame = fftwf_alloc_real(FRAME), *window = fftwf_alloc_real(FRAME);
  fftwf_complex *bins = fftwf_alloc_complex(FRAME / 2 + 1);
  fftwf_plan plan = fftwf_plan_dft_r2c_1d(FRAME, frame, bins, FFTW_MEASURE);
  for (int i = 0; i < FRAME; i++) window[i] = 0.54f - 0.46f * cosf(2 * (float)M_PI * i / (FRAME - 1));

  double power = 0, before = cpu_seconds();
  for (int repetition = 0; repetition < repetitions; repetition++)
    for (long start = 0; start + FRAME <= count; start += HOP) {
      for (int i = 0; i < FRAME; i++) frame[i] = samples[start + i] * window[i];
      fftwf_execute(plan);
      float sum = 0;
      for (int bin = FIRST_BIN; bin < LAST_BIN; bin++) sum += bins[bin][0] * bins[bin][0] + bins[bin][1] * bins[bin][1];
      power += sum;
    }
  double minutes = (double)count / RATE / 60 * repetitions;
  /* The power is printed so that no compiler may leave the loop out. */
  printf("{\"cpu_ms_per_min\": %.4f, \"power\": %g}\n", (cpu_seconds() - before) * 1e3 / minutes, power);
  return 0;
}
