import Driver

/// The targets over AudioPrint.
@main
struct FuzzAudio {
  static let targets: [String: Fuzzing.Target] = [
    "pcm": {
      AudioInputs.pcm(bytes($0, $1))
      return 0
    },
    "fingerprint": {
      AudioInputs.fingerprint(bytes($0, $1))
      return 0
    },
    "chromaprint": {
      AudioInputs.chromaprint(bytes($0, $1))
      return 0
    },
    "similarity": {
      AudioInputs.similarity(bytes($0, $1))
      return 0
    },
    "attribution": {
      AudioInputs.attribution(bytes($0, $1))
      return 0
    },
  ]

  static func main() { Fuzzing.run(targets) }

  private static func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: start, count: count)
  }
}
