import AudioPrint
import DubbingTesting
import Foundation
import Testing

@Suite("What is known of media files", .kind(.programs), .inTurn)
struct FixtureAnalysisTests {
  private struct Refused: Error {}

  private actor Counter {
    private var count = 0

    func next() -> Int {
      count += 1
      return count
    }
  }

  @Test("A value is made once, however many ask for it at once")
  func once() async throws {
    let once = Once<Int>()
    let made = Counter()
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<20 {
        group.addTask {
          try await once {
            await Task.yield()
            return await made.next()
          }
        }
      }
      for try await value in group { #expect(value == 1) }
    }
    #expect(await made.next() == 2)
  }

  @Test("Sound lies where its timestamps say; a file is probed once", arguments: ["counting-late", "counting-mono"])
  func aligned(name: String) async throws {
    let path = try Fixture.named(name).media.path
    let known = try await MediaFile(path).channels()
    let asked = try await AudioDecoder.decodeStereo(path, alignedToTimestamps: true)
    #expect(known.left.samples == asked.left.samples && known.right.samples == asked.right.samples)
    let isLate = known.left.samples.prefix(4000).allSatisfy { $0 == 0 }
    #expect(isLate == (name == "counting-late"), "that one begins after a second")
  }

  @Test("An error is not kept: who asks next tries again")
  func errorIsNotKept() async throws {
    let once = Once<Int>()
    await #expect(throws: Refused.self) { try await once { throw Refused() } }
    #expect(try await once { 7 } == 7)
    #expect(try await once { 8 } == 7)
  }

  @Test("Whoever is cancelled takes nothing from the others")
  func cancelledAsker() async throws {
    let once = Once<Int>()
    let (started, canFinish) = (AsyncStream<Void>.makeStream(), AsyncStream<Void>.makeStream())
    let first = Task {
      try await once {
        started.continuation.finish()
        for await _ in canFinish.stream {}
        try Task.checkCancellation()
        return 7
      }
    }
    for await _ in started.stream {}
    first.cancel()
    canFinish.continuation.finish()
    #expect(try await once { 8 } == 7)
  }

  @Test("A fixture has one file for all its streams; one that was written anew is another")
  func oneFile() async throws {
    var fixture = try Fixture.named("counting-brief")
    let shared = await FixtureAnalysis.shared.media(of: fixture)
    #expect(await FixtureAnalysis.shared.media(of: try Fixture.named("counting-brief")) === shared)
    let folder = FileManager.default.temporaryDirectory.appending(path: "fixture-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: fixture.media, to: folder.appending(path: "media.mp4"))
    fixture.folder = folder
    #expect(try await FixtureAnalysis.shared.media(of: fixture).info() == shared.info())
    try Data("not media".utf8).write(to: fixture.media)
    await #expect(throws: DubbingError.self) { try await FixtureAnalysis.shared.media(of: fixture).info() }
  }

  @Test("What was probed is known to the next run; a file that changed is probed anew, a broken cache is passed over")
  func probedOnce() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "cache-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let (file, media) = (folder.appending(path: "deep/cache.json"), folder.appending(path: "media.mp4"))
    try Data("one".utf8).write(to: media)
    let made = Counter()
    func info(_ cache: ProbeCache) async throws -> Double {
      let info = try await cache.info(of: media.path) {
        MediaInfo(container: "mov", duration: Double(await made.next()), video: nil, audio: nil)
      }
      await cache.keep()
      return info.duration
    }
    let first = ProbeCache(file: file)
    #expect(try await info(first) == 1)
    #expect(try await info(first) == 1)
    #expect(try await info(ProbeCache(file: file)) == 1, "the next run")
    try Data("another".utf8).write(to: media)
    #expect(try await info(first) == 2)
    #expect(try await info(ProbeCache(file: file)) == 2)
    try Data("{".utf8).write(to: file)
    #expect(try await info(ProbeCache(file: file)) == 3)
    #expect(try await info(ProbeCache(file: nil)) == 4)
  }

  @Test(
    "What is known of a file is what is read from it", arguments: ["counting-late", "counting-no-video", "no-audio"])
  func figures(name: String) async throws {
    let file = await FixtureAnalysis.shared.media(of: try Fixture.named(name))
    #expect(try await file.pictures() == MediaInfo.packets(of: file.path, track: "v:0"))
    #expect(try await file.info() == MediaInfo.probe(file.path))
    let offset = try await file.soundOffset()
    #expect(name == "counting-late" ? 0.9...1.1 ~= offset : offset == 0)
  }

  @Test("Words that ffmpeg said are not called ffprobe's")
  func whoseWords() async throws {
    let path = try Fixture.named("counting-brief").media.path
    let error = await #expect(throws: DubbingError.self) { try await MediaInfo.packets(of: path, track: "v:1") }
    #expect("\(try #require(error))".contains("\n  ffmpeg    "), "there is a picture, but no second one")
    let missing = await #expect(throws: DubbingError.self) { try await MediaInfo.probe(path + ".gone") }
    #expect("\(try #require(missing))".contains("\n  ffprobe   "))
  }
}
