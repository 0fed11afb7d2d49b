// sim/verdict.h -- what must hold, by letter, and the one way in which the simulator says that it does not.
//
//     C  convergence   after healing all replicas have equal observable content, and equal clocks
//     D  durability    no acknowledged write is lost; no clock claims what is not there
//     O  oracle        the content is what somebody with perfect knowledge says it must be
//     G  garbage       nothing that was removed and collected returns
//     U  uniqueness    no timestamp, tag or origin is issued twice; lives of a node are ordered
//     V  liveness      a healed core converges, whatever is wrong with the others for good
//     B  bounds        memory, queues and messages stay within their limits; a quiet cluster is quiet
//     K  corruption    wrong bytes are never served and never gossiped
//     T  trace         one seed, one history
//     X  expectation   a claim of the scenario's own does not hold
//     A  abort         the process ended by an assertion (seen by whoever started it, not from within)
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

namespace kith::sim {

struct Failure {
  char law = '?';
  std::int64_t at_us = 0;
  std::string text;
};

// Thrown where it is noticed, caught by run(): what comes after a broken law says nothing.
class Violation : public std::exception {
 public:
  Violation(char law, std::string text) : law_(law), text_(std::move(text)) {}
  char law() const { return law_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  char law_;
  std::string text_;
};

}  // namespace kith::sim
