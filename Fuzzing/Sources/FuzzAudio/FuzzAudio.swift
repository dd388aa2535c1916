import Driver

/// The targets over AudioPrint.
@main
struct FuzzAudio {
  static func main() {
    Fuzzing.run([
      "pcm": AudioInputs.pcm, "fingerprint": AudioInputs.fingerprint, "chromaprint": AudioInputs.chromaprint,
      "similarity": AudioInputs.similarity, "attribution": AudioInputs.attribution,
      "continuity": ContinuityInputs.follow,
    ])
  }
}
