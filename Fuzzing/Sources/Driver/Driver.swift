import Foundation

/// `LLVMFuzzerRunDriver`, libFuzzer as a library. Source: https://llvm.org/docs/LibFuzzer.html#using-libfuzzer-as-a-library
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ argumentCount: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>, _ target: Fuzzing.Target
) -> CInt

public enum Fuzzing {
  /// What libFuzzer calls with each input; 0 means that the input is worth keeping.
  public typealias Target = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

  /// Runs one of the targets, named by `FUZZ_TARGET`; the program's arguments are libFuzzer's.
  public static func run(_ targets: [String: Target]) -> Never {
    let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
    guard let target = targets[name] else {
      FileHandle.standardError.write(Data("FUZZ_TARGET must be one of \(targets.keys.sorted())\n".utf8))
      exit(64)
    }
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    exit(runDriver(&count, &arguments, target))
  }
}
