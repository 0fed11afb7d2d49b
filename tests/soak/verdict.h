// tests/soak/verdict.h -- is everything there that was promised, and nothing else?
//
// What each kind of write has to come to, in the order in which it was answered (one writer at a time has a write to a cell under way):
//
//     element    certain add: present; certain remove: absent; one that may have happened: either
//     register   the last certain value, or one that was written after it and may have happened.  Of a register with several writers: the
//                value with the greatest tag of all certain ones, or one with a greater tag that may have happened
//     counter    the sum of the certain amounts, and of those that may have happened any
//
// A write that is on one disk may have happened when that disk went back later, and nobody else held it by then; else it is certain.
// Pure: what the nodes show comes from elsewhere.  Tests: tests/soak/verdict_test.cc
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/soak/history.h"

namespace kith::soak {

// What one node shows.
struct Shown {
  std::map<std::string, std::set<std::string>> sets;
  std::map<std::string, std::string> registers;   // Absent: not found.
  std::map<std::string, std::int64_t> counters;
};

struct Verdict {
  std::vector<std::string> lost;        // Was promised, and is not there.
  std::vector<std::string> came_back;   // Was taken away, or never written, and is there.
  std::vector<std::string> counters;    // Of another sum.
  std::uint64_t elements = 0;           // That were looked at.
  std::uint64_t registers = 0;
  std::uint64_t may_be_gone = 0;        // Writes to one disk, which went back before anybody else had them.
  std::uint64_t gone = 0;               // Of these, those of which it is sure.
  std::uint64_t maybe = 0;              // Writes of which nobody knows.

  bool good() const { return lost.empty() && came_back.empty() && counters.empty(); }
};

// Registers whose key begins with this have several writers, and hold the tag of the write as text.
inline constexpr const char* kShared = "shared-";

Verdict judge(const History& history, const Shown& shown);

// Whether the disk that `write` was on went back before anybody else held it.
bool may_be_gone(const Write& write, const std::vector<DiskReturn>& returns);

}  // namespace kith::soak
