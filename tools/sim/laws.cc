#include "tools/sim/laws.h"

namespace kith::sim::tool {

const std::vector<Law>& laws() {
  static const std::vector<Law> kLaws = {
      {'C', "convergence", "after healing all replicas have equal content and equal clocks"},
      {'D', "durability", "no acknowledged write is lost"},
      {'O', "oracle", "the content is what somebody with perfect knowledge says it must be"},
      {'G', "garbage", "nothing that was removed and collected returns"},
      {'U', "uniqueness", "no timestamp, tag or origin is issued twice, and the lives of a node are in order"},
      {'V', "liveness", "a healed core converges, whatever is wrong with the others for good"},
      {'B', "bounds", "memory, queues and messages stay within their limits"},
      {'K', "corruption", "wrong bytes are never served and never gossiped"},
      {'T', "trace", "one seed gives one history"},
      {'X', "expectation", "what the scenario itself claims holds"},
      {'A', "abort", "the engine's own assertions hold, and every run ends"},
  };
  return kLaws;
}

std::string law_words(char letter) {
  for (const Law& law : laws()) {
    if (law.letter == letter) {
      return std::string(1, letter) + ", " + std::string(law.name) + ": " + std::string(law.means);
    }
  }
  return std::string(1, letter);
}

}  // namespace kith::sim::tool
