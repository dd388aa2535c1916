// FFmpeg 5.1 or newer: channel layouts are values since then.
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>

// Macros that are expressions do not reach Swift.
static const int libav_end_of_file = AVERROR_EOF;
static const int libav_try_again = AVERROR(EAGAIN);
