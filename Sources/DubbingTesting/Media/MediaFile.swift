import AudioPrint
import Foundation

/// One media file, of which everything is read once, however many ask and however often.
package final class MediaFile: Sendable {
  package let path: String
  private let cache: ProbeCache?

  private let knownInfo = Once<MediaInfo>()
  private let knownPictures = Once<[MediaPacket]>()
  private let knownSoundOffset = Once<Double>()
  private let knownSound = Once<Sound>()
  private let knownGreyFrames = Once<GreyFrames>()
  private let knownArea = Once<String?>()
  private let knownOriginal = Once<Attributor>()
  private let paddings = OnceEach<FixturePadding, Void>()
  private let firstPackets = OnceEach<LeadIn.FirstPackets, Data>()

  /// - Parameters:
  ///   - path: where it lies.
  ///   - cache: who may know it from an earlier run; nil: nobody.
  package init(_ path: String, cache: ProbeCache? = nil) {
    self.path = path
    self.cache = cache
  }

  /// Container, codecs and duration.
  ///
  /// - Throws: ``DubbingError``, as do the others that need to know the codec.
  package func info() async throws -> MediaInfo {
    try await knownInfo { [path, cache] in
      guard let cache else { return try await MediaInfo.probe(path) }
      return try await cache.info(of: path) { try await MediaInfo.probe(path) }
    }
  }

  /// Every packet of the first video track, in file order.
  package func pictures() async throws -> [MediaPacket] {
    try await knownPictures { try await self.packets("v:0") }
  }

  /// The first video track, decoded to small grey pictures.
  func greyFrames() async throws -> GreyFrames {
    try await knownGreyFrames { [path] in try await GreyFrames.decode(path) }
  }

  /// The part of the picture outside of which everything is black; nil where nothing was decoded.
  func areaWithinBars() async throws -> String? {
    try await knownArea { [path] in try await GreyFrames.areaWithinBars(path) }
  }

  /// How much later than the picture the sound begins, seconds: below 0 for an encoder's delay; 0 where there are not both.
  package func soundOffset() async throws -> Double {
    try await knownSoundOffset {
      async let pictures = self.pictures()
      async let sounds = self.packets("a:0", limit: 1)
      guard let picture = try await pictures.first, let sound = try await sounds.first else { return 0 }
      return (sound.pts ?? 0) - (picture.pts ?? 0)
    }
  }

  /// The first audio track at 8 kHz, laid where its timestamps say.
  ///
  /// - Throws: `AudioError`, as ``channels()`` and ``original()`` do.
  package func sound() async throws -> AudioClip { try await decoded().mixed }

  /// The same in two channels, which are alike where the track is mono.
  package func channels() async throws -> (left: AudioClip, right: AudioClip) {
    let sound = try await decoded()
    return (sound.left, sound.right)
  }

  /// Reads packets and sound side by side. What cannot be read is an error for who asks for it.
  func readAhead() async {
    async let packets = try? pictures()
    async let sound = try? sound()
    _ = await (packets, sound)
  }

  private typealias Sound = (left: AudioClip, right: AudioClip, mixed: AudioClip)

  private func decoded() async throws -> Sound {
    try await knownSound { [path] in
      // Of a track that is not known, or not by an earlier run, the decoder asks, and says what is wrong.
      guard let start = try? await self.info().audio?.startTime else {
        return try await AudioDecoder.decodeStereo(path, alignedToTimestamps: true)
      }
      return try await AudioDecoder.decodeStereo(path, firstSample: start)
    }
  }

  /// The sound as the original that others are compared with.
  func original() async throws -> Attributor {
    try await knownOriginal {
      Attributor(
        candidates: [Candidate(role: .original, clip: try await self.sound(), expectedStart: 0)], options: .everywhere)
    }
  }

  /// The first packet of each track in a small MP4, see ``LeadIn``.
  func copied(_ packets: LeadIn.FirstPackets) async throws -> Data {
    try await firstPackets(packets) { [path] in try await packets.copied(from: path) }
  }

  /// Runs `make` unless that padding has been made; see ``Fixture/padded(by:in:)``.
  func padded(_ padding: FixturePadding, _ make: @escaping @Sendable () async throws -> Void) async throws {
    try await paddings(padding, make)
  }

  private func packets(_ track: String, limit: Int? = nil) async throws -> [MediaPacket] {
    try await MediaInfo.packets(of: path, track: track, codec: try await info().codec(of: track), limit: limit)
  }
}

/// What is known of the fixtures' media: each is read once in a process, however many streams publish it.
package actor FixtureAnalysis {
  package static let shared = FixtureAnalysis()

  private var files: [String: (version: ProbeCache.Version, file: MediaFile)] = [:]

  /// The fixture's media file.
  package func media(of fixture: Fixture) -> MediaFile {
    let path = fixture.media.path
    let version = ProbeCache.Version(of: path)
    if let known = files[path], known.version == version { return known.file }
    let file = MediaFile(path, cache: .ofThisUser)
    files[path] = (version, file)
    return file
  }
}
