import ArgumentParser
import AudioPrint
import Foundation

@main
struct AudioPrintCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audioprint",
    abstract: "Says what a recording is: the original, a dubbed fragment, both, silence or something else.",
    discussion: """
      Exit codes: 0 same or all explained, 1 different or not all explained, 2 error.

      EXAMPLE: audioprint compare talk.mp4 recording.flv
      EXAMPLE: audioprint watch rtmp://localhost/live/talk/out --original talk.mp4
      """,
    version: "0.2.0",
    subcommands: [Compare.self, Attribute.self, FollowContinuity.self, MakeFingerprint.self, Plot.self, Watch.self])

  // ArgumentParser ends with 64 for wrong usage and 1 for any error; here 1 means "different", so errors are 2.
  static func main() async {
    do {
      try await withTaskExecutorPreference(InheritedPriority.executor()) { try await perform() }
      try requireWritten()
    } catch let code as ExitCode where code == .failure {
      exit(withError: fflush(nil) == 0 ? code : ExitCode(2))
    } catch  where exitCode(for: error) == .success {
      exit(withError: error)
    } catch let error as AudioError {
      FileHandle.standardError.write(Data("audioprint: \(error)\n".utf8))
      exit(withError: ExitCode(2))
    } catch {
      FileHandle.standardError.write(Data((fullMessage(for: error) + "\n").utf8))
      exit(withError: ExitCode(2))
    }
  }
}

extension AudioPrintCommand {
  /// Parses the arguments and runs what they ask for.
  private nonisolated static func perform() async throws {
    var command = try parseAsRoot()
    guard var asynchronous = command as? any AsyncParsableCommand else { return try command.run() }
    try await asynchronous.run()
  }
}

/// Standard output is buffered: that a disk is full shows only here, and an answer that nobody gets is no success.
private func requireWritten() throws {
  guard fflush(nil) != 0 else { return }
  throw AudioError(
    .decodingFailed, "the result cannot be written to standard output: \(String(cString: strerror(errno)))")
}

/// Rate at which the commands decode, in Hz.
let decodingRate = 8000

/// What the commands have in common.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print the result as JSON.")
  var json = false
  @Flag(help: "Tell on standard error how much has been decoded, even if that is no terminal.")
  var progress = false

  /// - Throws: `AudioError` if it cannot be decoded or is too short to be told from anything else.
  func decode(_ path: String, track: Int = 0) async throws -> AudioClip {
    try await Self.decode(path, track: track, progress: progress)
  }

  static func decode(_ path: String, track: Int = 0, progress: Bool = false) async throws -> AudioClip {
    let clip = try await Progress(path, always: progress).decode(path, track: track)
    guard clip.duration >= Similarity.shortest else { throw AudioError.tooShort(path, seconds: clip.duration) }
    return clip
  }

  func print(_ value: some Encodable) throws {
    Swift.print(String(decoding: try JSONEncoder.stable.encode(value), as: UTF8.self))
  }
}

extension JSONEncoder {
  /// For people and for version control: lines, and keys in an order that does not change.
  static var stable: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return encoder
  }
}

extension Double {
  /// For people: so many decimals.
  func text(_ decimals: Int) -> String {
    guard isFinite else { return "-inf" }
    let text = String(format: "%.\(decimals)f", self)
    // What rounds to 0 has no sign: "-0.0 ms" would look like a finding.
    return text.hasPrefix("-") && !text.contains { ("1"..."9").contains($0) } ? String(text.dropFirst()) : text
  }
}
