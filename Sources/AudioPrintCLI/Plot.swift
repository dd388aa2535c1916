import ArgumentParser

struct Plot: ParsableCommand {}
