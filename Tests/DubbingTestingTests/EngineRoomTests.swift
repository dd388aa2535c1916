import DubbingTesting
import Testing

@Suite("Which engine of a pool is chosen", .kind(.logic))
struct EngineRoomTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var rooms: [EngineRoom]
    var candidates: [Int]?
    var started: Set<Int> = []
    var chosen: Int?
  }

  private static func room(
    _ publishing: Int, of places: Int = 4, live: Int = 9, cores: Int = 2, cases: Int = 0, lost: Bool = false
  ) -> EngineRoom {
    EngineRoom(publishing: publishing, live: live, places: places, cores: cores, cases: cases, isLost: lost)
  }

  private static let places: [Case] = [
    .init(testDescription: "all alike: the first", rooms: [room(2), room(2), room(2)], chosen: 0),
    .init(testDescription: "most places that nobody has", rooms: [room(1), room(3), room(2)], chosen: 1),
    .init(testDescription: "none of one that is full", rooms: [room(0), room(1)], chosen: 1),
    .init(
      testDescription: "none that waits for its last fragments only", rooms: [room(3, live: 0), room(1)], chosen: 1),
    .init(
      testDescription: "as many free: the one with fewer under way", rooms: [room(2, live: 3), room(2)], chosen: 1),
    .init(testDescription: "as many of all: the one with more cores", rooms: [room(2), room(2, cores: 8)], chosen: 1),
    .init(testDescription: "none that is gone", rooms: [room(1), room(4, lost: true)], chosen: 0),
    .init(testDescription: "only one that is there", rooms: [room(4), room(1)], candidates: [1], chosen: 1),
    .init(testDescription: "all are full", rooms: [room(0), room(0)], chosen: nil),
    .init(testDescription: "all are gone", rooms: [room(2, lost: true)], chosen: nil),
  ]

  @Test("A stream goes where most places are free", arguments: places)
  func place(_ example: Case) {
    let candidates = example.candidates ?? Array(example.rooms.indices)
    #expect(EngineRoom.place(in: example.rooms, among: candidates) == example.chosen)
  }

  private static let homes: [Case] = [
    .init(testDescription: "all alike: the first", rooms: [room(2), room(2)], chosen: 0),
    .init(testDescription: "the one with fewer cases", rooms: [room(2, cases: 2), room(2, cases: 1)], chosen: 1),
    .init(
      testDescription: "twice the places take twice the cases",
      rooms: [room(2, of: 2, cases: 1), room(4, of: 4, cases: 2)], chosen: 1),
    .init(
      testDescription: "places that slow answers have cost count", rooms: [room(1, of: 1), room(2, of: 4)], chosen: 1),
    .init(testDescription: "none that is gone", rooms: [room(2, lost: true), room(0, cases: 9)], chosen: 1),
    .init(
      testDescription: "for a test without a stream, one that is up", rooms: [room(2), room(0, cases: 9)],
      started: [1], chosen: 1),
    .init(
      testDescription: "unless that is gone", rooms: [room(2), room(0, lost: true)], started: [1], chosen: 0),
    .init(testDescription: "all are gone", rooms: [room(2, lost: true)], chosen: nil),
  ]

  @Test("An environment is started where least is to be done", arguments: homes)
  func home(_ example: Case) {
    #expect(EngineRoom.home(in: example.rooms, preferring: example.started) == example.chosen)
  }
}
