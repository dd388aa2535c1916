import AudioPrint
import Foundation

/// What original and output sound like, for the page; and what the predecessor's check would have said of them.
package struct StreamSound: Sendable {
  /// A PNG of 4 bits a pixel and its loudness over time; 8 kHz is enough for its 0 to 4 kHz.
  var original: Data?
  var output: Data?
  /// Whether the hashes of the loudest bins differ; nil without an output.
  var hashDiffers: Bool?

  package init(original: Data? = nil, output: Data? = nil, hashDiffers: Bool? = nil) {
    (self.original, self.output, self.hashDiffers) = (original, output, hashDiffers)
  }

  private static let (width, height, shades) = (400, 96, 12)

  /// Draws both; what cannot be decoded is left out, since the verdict has said so already.
  static func of(_ fixture: Fixture, output: MediaFile?) async -> StreamSound {
    guard fixture.canBeDubbed else { return StreamSound() }
    let original = await FixtureSounds.shared.sound(of: fixture)
    var sound = StreamSound(original: original?.picture)
    guard let output, let heard = try? await Sound(output, duration: nil) else { return sound }
    sound.output = heard.picture
    sound.hashDiffers = original.map { $0.hash != heard.hash }
    return sound
  }

  /// Draws the fixture's part, which is drawn once in a process.
  static func readAhead(_ fixture: Fixture) async {
    _ = await FixtureSounds.shared.sound(of: fixture)
  }

  /// Keeps the pictures beside the recording.
  func save(in folder: URL) throws {
    guard original != nil || output != nil else { return }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try original?.write(to: folder.appending(path: "original.png"))
    try output?.write(to: folder.appending(path: "output.png"))
  }

  /// The pictures that a run has kept; nil: none.
  static func kept(in folder: URL) -> StreamSound? {
    let pictures = ["original.png", "output.png"].map { try? Data(contentsOf: folder.appending(path: $0)) }
    guard pictures.contains(where: { $0 != nil }) else { return nil }
    return StreamSound(original: pictures[0], output: pictures[1])
  }

  /// One file's picture and hash.
  fileprivate struct Sound: Sendable {
    var picture: Data
    var hash: SpectralHash

    /// - Parameter duration: seconds that the picture's width stands for; nil: the sound's own.
    init(_ file: MediaFile, duration: Double?) async throws {
      // As the predecessor did it: the first five seconds, at the track's own rate.
      async let beginning = AudioDecoder.decode(
        file.path, sampleRate: file.info().audio?.sampleRate, duration: .seconds(5))
      let clip = try await file.sound()
      picture = try await SpectrogramPicture(
        clip, width: width, height: height, duration: duration ?? clip.duration, shades: shades
      ).png()
      hash = SpectralHash(try await beginning)
    }
  }
}

/// Each fixture is published many times in a run, and drawn once.
private actor FixtureSounds {
  static let shared = FixtureSounds()
  private let sounds = OnceEach<String, StreamSound.Sound>()

  func sound(of fixture: Fixture) async -> StreamSound.Sound? {
    try? await sounds(fixture.media.path) {
      try await StreamSound.Sound(FixtureAnalysis.shared.media(of: fixture), duration: fixture.duration)
    }
  }
}
