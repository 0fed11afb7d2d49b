// tests/repository/breaches.h -- the rules of the house that a machine can see, as a function of a file's text.
//
// Rules (ARCHITECTURE.md says why):
//   R1. Includes point one way: crdt <- store <- gossip <- node <- tools.  sim stands beside node on gossip.  Tests see
//       all; nobody sees tests.  A file of ours is included by its path from the top: "crdt/tag.h".
//   R2. ZeroMQ only in node/, LMDB only in store/ (and in benchmarks, to compare with), msgpack never in a header.
//   R3. Heavy headers stay out of ours.
//   R4. No clock, thread, environment or device randomness in crdt/, store/, gossip/: they are handed what they need.
//       store/ may lock a mutex.
//   R5. Who is believed alive steers traffic, and decides nothing about data: in gossip/ only what chooses whom to ask reads it.
//   R6. Nothing is left for later in a comment, and every header has #pragma once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kith::test {

struct Breach {
  std::size_t line;  // From 1; 0: the whole file.
  std::string what;
};

// `path` is relative to the repository's top.
std::vector<Breach> breaches(std::string_view path, std::string_view text);

}  // namespace kith::test
