import Driver

/// One target of those below, named by `FUZZ_TARGET`; the arguments are libFuzzer's.
@main
struct Fuzz {
  static let targets: [String: Fuzzing.Target] = [
    "engineio": {
      Inputs.engineIO(bytes($0, $1))
      return 0
    },
    "socketio": {
      Inputs.socketIO(bytes($0, $1))
      return 0
    },
    "strings": {
      Inputs.longStrings(bytes($0, $1))
      return 0
    },
    "polling": {
      Inputs.polling(bytes($0, $1))
      return 0
    },
    "frames": {
      Inputs.frames(bytes($0, $1))
      return 0
    },
    "tap": {
      Inputs.tap(bytes($0, $1))
      return 0
    },
    "upgrade": {
      Inputs.upgrade(bytes($0, $1))
      return 0
    },
    "connection": {
      Inputs.connection(bytes($0, $1))
      return 0
    },
  ]

  static func main() { Fuzzing.run(targets) }

  private static func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: start, count: count)
  }
}
