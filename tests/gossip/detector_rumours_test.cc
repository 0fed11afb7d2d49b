// tests/gossip/detector_rumours_test.cc -- rumours: their bytes at the limits, and how often each is passed on.
#include "gossip/detector_rumours.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace kith {
namespace {

const NodeId kOne{1}, kTwo{2}, kThree{3};
const Timestamp kStart = Timestamp::at_ms(1'700'000'000'000);

Rumour alive(NodeId node, std::uint64_t incarnation) {
  return {.kind = Rumour::Kind::kAlive, .node = node, .start = kStart, .incarnation = incarnation};
}
Rumour suspect(NodeId node, std::uint64_t incarnation, NodeId by) {
  return {.kind = Rumour::Kind::kSuspect, .node = node, .start = kStart, .incarnation = incarnation, .by = by};
}
Rumour dead(NodeId node, std::uint64_t incarnation, NodeId by) {
  return {.kind = Rumour::Kind::kDead, .node = node, .start = kStart, .incarnation = incarnation, .by = by};
}

TEST_CASE("rumours: what is encoded is decoded, and takes as many bytes as was said") {
  for (const std::uint64_t incarnation : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, std::uint64_t{16384}, kIncarnationMax}) {
    for (const Rumour& rumour : {alive(kOne, incarnation), suspect(kOne, incarnation, kTwo), dead(NodeId{~0ull}, incarnation, kOne)}) {
      CHECK(encode({rumour}).size() == bytes_of(rumour));
      CHECK(decode_rumours(encode({rumour, rumour})) == std::vector{rumour, rumour});
    }
  }
  CHECK(decode_rumours("") == std::vector<Rumour>{});
  // Nine accusations fit what a node sends in one message, at any incarnation up to two million.
  CHECK(9 * bytes_of(dead(kOne, 0, kTwo)) <= kRumourBytesMax);
  CHECK(9 * bytes_of(dead(kOne, (1 << 21) - 1, kTwo)) <= kRumourBytesMax);
}

TEST_CASE("rumours: what is malformed is refused (cut at every length, every byte turned, one too many)") {
  const std::string bytes = encode({alive(kOne, 300), suspect(kTwo, 5, kThree), dead(kThree, 0, kOne)});
  const std::size_t ends[] = {0, bytes_of(alive(kOne, 300)), bytes.size() - bytes_of(dead(kThree, 0, kOne))};
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const bool whole = std::find(std::begin(ends), std::end(ends), length) != std::end(ends);
    CHECK(decode_rumours(std::string_view(bytes).substr(0, length)).has_value() == whole);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string turned = bytes;
      turned[i] = static_cast<char>(turned[i] ^ (1 << bit));
      if (const auto rumours = decode_rumours(turned)) CHECK(encode(*rumours) == turned);  // Or it says something else.
    }
  }
  const Rumour good = suspect(kTwo, 5, kThree);
  Rumour bad = good;
  bad.node = {};
  CHECK_FALSE(decode_rumours(encode({bad})).has_value());
  bad = good;
  bad.start = {};
  CHECK_FALSE(decode_rumours(encode({bad})).has_value());
  bad = good;
  bad.by = {};
  CHECK_FALSE(decode_rumours(encode({bad})).has_value());
  bad = good;
  bad.incarnation = kIncarnationMax + 1;
  CHECK_FALSE(decode_rumours(encode({bad})).has_value());
  bad.incarnation = kIncarnationMax;
  CHECK(decode_rumours(encode({bad})).has_value());
  CHECK(decode_rumours(encode(std::vector(kRumoursMax, good))).has_value());
  CHECK_FALSE(decode_rumours(encode(std::vector(kRumoursMax + 1, good))).has_value());
}

TEST_CASE("rumours: each is passed on so often, those that went least first, and then no more") {
  RumourQueue queue;
  queue.put(dead(kOne, 0, kTwo));
  queue.put(alive(kTwo, 4));
  CHECK(queue.take(NodeId{9}, 1000, 3) == std::vector{dead(kOne, 0, kTwo), alive(kTwo, 4)});
  queue.put(alive(kThree, 1));
  CHECK(queue.take(NodeId{9}, bytes_of(alive(kThree, 1)), 3) == std::vector{alive(kThree, 1)});
  CHECK(queue.take(NodeId{9}, 1000, 3).size() == 3);
  CHECK(queue.take(NodeId{9}, 1000, 3).size() == 3);
  CHECK(queue.empty());
}

TEST_CASE("rumours: nobody is told of itself, and that does not count") {
  RumourQueue queue;
  queue.put(dead(kOne, 0, kTwo));
  CHECK_FALSE(queue.has_for(kOne));
  CHECK(queue.has_for(kTwo));
  for (int i = 0; i < 10; ++i) CHECK(queue.take(kOne, 1000, 2).empty());
  CHECK(queue.take(kTwo, 1000, 2).size() == 1);
  queue.put(alive(kTwo, 1));
  CHECK(queue.has_for(kOne));
}

TEST_CASE("rumours: of one node there is the last, and of a suspicion all who share it") {
  RumourQueue queue;
  queue.put(suspect(kOne, 1, kTwo));
  queue.put(suspect(kOne, 1, kThree));
  queue.put(suspect(kOne, 1, kThree));
  CHECK(queue.size() == 2);
  queue.put(suspect(kOne, 2, kTwo));
  CHECK(queue.size() == 1);
  queue.put(dead(kOne, 2, kThree));
  CHECK(queue.take(NodeId{9}, 1000, 5) == std::vector{dead(kOne, 2, kThree)});
  queue.put(alive(kOne, 3));
  CHECK(queue.take(NodeId{9}, 1000, 5) == std::vector{alive(kOne, 3)});
  queue.put(alive(kTwo, 3));
  queue.forget(kOne);
  CHECK(queue.take(NodeId{9}, 1000, 5) == std::vector{alive(kTwo, 3)});
}

}  // namespace
}  // namespace kith
