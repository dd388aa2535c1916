import Foundation

/// What libFuzzer calls with each input; 0 means that the input is worth keeping.
typealias Target = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

/// `LLVMFuzzerRunDriver`, libFuzzer as a library. Source: https://llvm.org/docs/LibFuzzer.html#using-libfuzzer-as-a-library
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ argumentCount: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>, _ target: Target
) -> CInt

/// One target of those below, named by `FUZZ_TARGET`; the arguments are libFuzzer's.
@main
struct Fuzz {
  static let targets: [String: Target] = [
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

  static func main() {
    let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
    guard let target = targets[name] else {
      FileHandle.standardError.write(Data("FUZZ_TARGET must be one of \(targets.keys.sorted())\n".utf8))
      exit(64)
    }
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    exit(runDriver(&count, &arguments, target))
  }

  private static func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: start, count: count)
  }
}
