// sim/report_headline.h -- how a run ended, in a sentence.
//
// Tests: tests/sim/report_test.cc
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/digest.h"
#include "sim/recording.h"

namespace kith::sim {

struct Headline {
  enum class Verdict : std::uint8_t { kConverged, kHeld, kNotConverged, kFailed };
  Verdict verdict = Verdict::kHeld;       // kHeld: nothing failed, and convergence was not asked for.
  std::string sentence;
  std::vector<std::string> more;          // Sentences that go on; at least one.
};

Headline headline_of(const Recording& recording, const Digest& digest);

std::string_view verdict_word(Headline::Verdict verdict);   // "converged", "held", "not_converged", "failed"

// "the link came back", "n3 was up again", of spans (indices) that ended at one time.
std::string end_of_fault(const Recording& recording, const std::vector<std::size_t>& spans);

}  // namespace kith::sim
