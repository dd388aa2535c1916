import DubbingTesting
import Testing

private let ours: DualStack = {
  var stack = DualStack(
    media: .init(name: "shop-media", files: ["compose/media.yml"], environment: freePorts),
    sts: .init(name: "shop-sts", files: ["compose/sts.yml"], environment: ["STS_PORT": "0"]))
  stack.ports[.worker] = .init("worker", 8080)
  stack.ports[.speech] = .init("sts", 3000)
  stack.stsURLVariable = "STS_SERVICE_URL"
  stack.outputPath = "live/{stream}/out"
  return stack
}()

// 0 lets the engine choose, so that two runs on one host never meet.
private let freePorts = [
  "MEDIAMTX_RTSP_PORT": "0", "MEDIAMTX_RTMP_PORT": "0", "MEDIAMTX_API_PORT": "0", "MEDIA_SERVICE_PORT": "0",
]

@Suite(.dualStack(ours, settings: .fromEnvironment()), .selectedTags("E2E_TAGS"))
struct OurPipeline {
  @Test(.stream(publish: .rtmp), .tags(.config))
  func isDubbed() async throws {
    try await LiveStream.current.expectDubbed(.named("counting-short"))
  }
}
