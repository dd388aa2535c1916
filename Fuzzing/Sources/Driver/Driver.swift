import Foundation

/// `LLVMFuzzerRunDriver`, libFuzzer as a library. Source: https://llvm.org/docs/LibFuzzer.html#using-libfuzzer-as-a-library
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ argumentCount: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ target: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

// libFuzzer's callback cannot capture. Written once, before it runs, and libFuzzer calls from one thread.
private nonisolated(unsafe) var chosen: Fuzzing.Target = { _ in }

public enum Fuzzing {
  /// What is done with each input.
  public typealias Target = @Sendable (UnsafeBufferPointer<UInt8>) -> Void

  /// Runs one of the targets, named by `FUZZ_TARGET`; the program's arguments are libFuzzer's.
  public static func run(_ targets: [String: Target]) -> Never {
    let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
    guard let target = targets[name] else {
      FileHandle.standardError.write(Data("FUZZ_TARGET must be one of \(targets.keys.sorted())\n".utf8))
      exit(64)
    }
    chosen = target
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    let status = runDriver(&count, &arguments) { start, count in
      chosen(UnsafeBufferPointer(start: start, count: count))
      // The input is worth keeping.
      return 0
    }
    exit(status)
  }
}

/// Traps when a promise is broken, and says which in an optimised build as well, where a precondition says nothing.
public func demand(
  _ isKept: Bool, _ message: @autoclosure () -> String = "a promise is broken", file: StaticString = #fileID,
  line: UInt = #line
) {
  if !isKept { fatalError(message(), file: file, line: line) }
}
