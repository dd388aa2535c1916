import ComposeTesting
import NIOCore
import SocketIOLite
import Testing

@Suite("How long a server may be silent", .kind(.logic))
struct SilenceWatchTests {
  private let begin = NIODeadline.uptimeNanoseconds(1_000_000_000)
  private let patience: TimeAmount = .seconds(3)

  @Test("What is left of the patience is waited for, from the last that was heard")
  func left() {
    var watch = SilenceWatch(since: begin)
    #expect(watch.look(at: begin + .seconds(1), patience: patience) == .wait(.seconds(2)))
    watch.heard(at: begin + .seconds(2))
    #expect(watch.look(at: begin + .seconds(3), patience: patience) == .wait(.seconds(2)))
  }

  @Test("A client that was held up beyond the patience reads first what came meanwhile", arguments: [3, 60])
  func heldUp(seconds: Int64) {
    var watch = SilenceWatch(since: begin)
    let late = begin + .seconds(seconds)
    #expect(watch.look(at: late, patience: patience) == .wait(SilenceWatch.grace))
    watch.heard(at: late + .milliseconds(1))
    #expect(watch.look(at: late + SilenceWatch.grace, patience: patience) == .wait(.milliseconds(2801)))
    // Each such time anew.
    #expect(watch.look(at: late + .seconds(9), patience: patience) == .wait(SilenceWatch.grace))
  }

  @Test("A server that says nothing until the second look either is silent")
  func silent() {
    var watch = SilenceWatch(since: begin)
    #expect(watch.look(at: begin + patience, patience: patience) == .wait(SilenceWatch.grace))
    #expect(watch.look(at: begin + patience + SilenceWatch.grace, patience: patience) == .silent)
  }
}
