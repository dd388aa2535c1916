import Driver

/// One target of those below, named by `FUZZ_TARGET`; the arguments are libFuzzer's.
@main
struct Fuzz {
  static func main() {
    Fuzzing.run([
      "engineio": Inputs.engineIO, "socketio": Inputs.socketIO, "strings": Inputs.longStrings,
      "polling": Inputs.polling, "frames": Inputs.frames, "tap": Inputs.tap, "upgrade": Inputs.upgrade,
      "connection": Inputs.connection, "sessions": Inputs.sessions, "assembly": Inputs.assembly,
    ])
  }
}
