import ArgumentParser
import AudioPrint
import Foundation

/// `audioprint fingerprint FILE`.
struct MakeFingerprint: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fingerprint",
    abstract: "Makes a compact fingerprint of FILE, with which compare does without the media.",
    discussion: """
      About 210 bytes of JSON for each second. Store it beside a fixture and give it to compare in place of the media.
      Exit codes: 0 made, 2 error.

      EXAMPLE: audioprint fingerprint talk.mp4 --output talk.json
      """)

  @Argument(help: "A file or URL that ffmpeg reads.")
  var file: String
  @Option(help: ArgumentHelp("Audio track, counted from 0."))
  var track = 0
  @Option(
    name: .shortAndLong, help: ArgumentHelp("Where it is written, instead of standard output.", valueName: "path"))
  var output: String?
  @Flag(help: "With --output, print where it was written, its bytes and seconds as JSON; without, JSON comes anyway.")
  var json = false
  @Flag(help: "Tell on standard error how much has been decoded, even if that is no terminal.")
  var progress = false

  func validate() throws {
    guard track >= 0 else { throw ValidationError("--track counts from 0") }
  }

  func run() async throws {
    // Decoded in pieces: ten hours take no more memory than a minute and the fingerprint itself.
    let progress = Progress(file, always: self.progress)
    let fingerprint = try await Fingerprint(contentsOf: file, track: track, progress: progress.decoded)
    progress.finish()
    let encoded = try JSONEncoder.stable.encode(fingerprint)
    guard let output else { return print(String(decoding: encoded, as: UTF8.self)) }
    try FileOutput.write(encoded, to: output, what: "the fingerprint")
    if json {
      let answer = Answer(output: output, bytes: encoded.count, seconds: fingerprint.duration)
      print(String(decoding: try JSONEncoder.stable.encode(answer), as: UTF8.self))
    }
  }

  private struct Answer: Encodable {
    var output: String
    var bytes: Int
    var seconds: Double
  }
}

/// A fingerprint that was stored, in place of the media that it was made of.
enum StoredFingerprint {
  /// Refuses one where only the media will do.
  ///
  /// - Throws: `AudioError` with `badFormat` if the path is a stored fingerprint.
  static func refuse(_ path: String, _ option: String) throws {
    guard try read(path) != nil else { return }
    throw AudioError(
      .badFormat,
      "\(path) is a stored fingerprint, and \(option) needs the media: what each part is shows only in the sound itself",
      next: "give the file that the fingerprint was made of, or use audioprint compare, which takes stored fingerprints"
    )
  }

  /// The fingerprint in a JSON file; nil if the path is anything else, which ffmpeg may know.
  ///
  /// - Throws: `AudioError` with `badFormat` if it is JSON but no fingerprint of this version.
  static func read(_ path: String) throws -> Fingerprint? {
    // Opening a pipe would take from ffmpeg what is in it, and a URL is no file.
    let kind =
      try? FileManager.default.attributesOfItem(
        atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)[.type] as? FileAttributeType
    guard kind == .typeRegular, let handle = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? handle.close() }
    // No media format begins with a brace.
    guard let first = try? handle.read(upToCount: 1), first == Data("{".utf8) else { return nil }
    do {
      return try JSONDecoder().decode(Fingerprint.self, from: try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      let reason = (error as? DecodingError).map { "\($0.reason)" } ?? error.localizedDescription
      throw AudioError(
        .badFormat, "\(path) is JSON but no fingerprint that can be compared: \(reason)",
        next: "make it anew with audioprint fingerprint", underlying: error)
    }
  }
}

extension DecodingError {
  fileprivate var reason: String {
    switch self {
    case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
      .valueNotFound(_, let context):
      context.debugDescription
    @unknown default: "\(self)"
    }
  }
}
