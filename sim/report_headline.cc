#include "sim/report_headline.h"

#include <algorithm>
#include <set>

#include "sim/words.h"

namespace kith::sim {
namespace {

constexpr std::int64_t kAtOnceUs = 1'000;   // What ended so shortly before the world was healed ended with that.

std::string count_of_nodes(const Recording& recording) {
  const std::size_t nodes = recording.nodes.size();
  if (nodes == 1) return "The only node was";
  if (nodes == 2) return "Both nodes were";
  return "All " + plural(nodes, "node") + " were";
}

std::string about_writes(const Recording& recording, const Digest& digest) {
  if (recording.writes.empty()) return "No write was acknowledged.";
  const std::size_t counted = digest.presence.counted.size();
  std::string words = with_commas(digest.lags.writes_everywhere) + " of " + with_commas(recording.writes.size()) +
                      " acknowledged writes are on every node";
  if (counted != recording.nodes.size())
    words += " that is up (" + with_commas(counted) + " of " + with_commas(recording.nodes.size()) + ")";
  words += '.';
  if (digest.lags.copies_missing > 0) {
    words +=
        " Missing: " + with_commas(digest.lags.copies_missing) + " of " + with_commas(digest.lags.copies) + " copies.";
  }
  return words;
}

// The faults that ended when the world was healed, or just before; nothing when these were none.
std::vector<std::size_t> healed_spans(const Recording& recording) {
  std::vector<std::size_t> spans;
  for (std::size_t i = 0; i < recording.spans.size(); ++i) {
    const Recording::Span& span = recording.spans[i];
    if (span.kind != Recording::Span::Kind::kWeather && span.end_us >= recording.healed_us - kAtOnceUs)
      spans.push_back(i);
  }
  return spans;
}

std::string contents_at_end(const Recording& recording) {
  if (recording.samples.empty()) return {};
  const Recording::Sample& last = recording.samples.back();
  if (last.distinct_contents <= 1) return "The nodes that are up are equal at the end.";
  return "At the end the nodes that are up hold " + with_commas(last.distinct_contents) + " different contents.";
}

// How soon after the last faults that ended before the run was healed everything was everywhere.
std::string about_recovery(const Recording& recording, const Digest& digest) {
  if (digest.recoveries.empty()) return {};
  const auto longest = std::max_element(
      digest.recoveries.begin(), digest.recoveries.end(),
      [](const Recovery& a, const Recovery& b) { return a.ended_us - a.began_us < b.ended_us - b.began_us; });
  // Of the faults that ended when all was healed the sentence before has spoken.
  if (recording.converged_us >= 0 && longest->ended_us >= recording.healed_us - kAtOnceUs) return {};
  std::string words = "At " + in_words_time(longest->ended_us) + " " + end_of_fault(recording, longest->spans);
  if (digest.recoveries.size() > 1) words += ", after the longest fault";
  if (longest->copies_missing == 0) return words + "; no copy was missing then.";
  if (longest->everywhere_us == kNever) return words + "; of the copies missing then some never arrived.";
  return words + "; the " + with_commas(longest->copies_missing) +
         (longest->copies_missing == 1 ? " copy" : " copies") + " missing then arrived within " +
         in_words_time(longest->everywhere_us) + ".";
}

}  // namespace

std::string_view verdict_word(Headline::Verdict verdict) {
  switch (verdict) {
    case Headline::Verdict::kConverged: return "converged";
    case Headline::Verdict::kHeld: return "held";
    case Headline::Verdict::kNotConverged: return "not_converged";
    case Headline::Verdict::kFailed: return "failed";
  }
  return "failed";
}

std::string end_of_fault(const Recording& recording, const std::vector<std::size_t>& spans) {
  using Kind = Recording::Span::Kind;
  std::set<Kind> kinds;
  std::set<std::uint32_t> nodes;
  for (const std::size_t i : spans) {
    kinds.insert(recording.spans[i].kind);
    nodes.insert(recording.spans[i].nodes.begin(), recording.spans[i].nodes.end());
  }
  if (kinds.empty()) return "everything was healed";
  if (kinds.size() > 1) return "the last faults were over";
  const bool one = nodes.size() == 1 && *nodes.begin() < recording.nodes.size();
  const std::string who = one ? recording.nodes[*nodes.begin()] : plural(nodes.size(), "node");
  switch (*kinds.begin()) {
    case Kind::kCut: return spans.size() == 1 ? "the link came back" : "the links came back";
    case Kind::kDown: return who + (one ? " was up again" : " were up again");
    case Kind::kPaused: return who + " ran again";
    case Kind::kClock: return one ? "the clock of " + who + " was right again" : "the clocks were right again";
    case Kind::kDisk: return one ? "the disk of " + who + " was well again" : "the disks were well again";
    case Kind::kWeather: break;
  }
  return "everything was healed";
}

Headline headline_of(const Recording& recording, const Digest& digest) {
  Headline headline;
  const bool healed = recording.healed_us >= 0, converged = healed && recording.converged_us >= 0;
  const std::vector<std::size_t> healed_now = healed ? healed_spans(recording) : std::vector<std::size_t>{};
  const std::string since = !healed_now.empty() ? end_of_fault(recording, healed_now) : "the end of the timeline";
  if (converged) {
    headline.verdict = Headline::Verdict::kConverged;
    const std::string took = in_words_time(std::max<std::int64_t>(0, recording.converged_us - recording.healed_us));
    headline.sentence = recording.nodes.empty() ? "There are no nodes; nothing happened." : count_of_nodes(recording) +
                        (recording.nodes.size() == 1 ? " well " : " equal ") + took + " after " + since + ".";
  } else if (healed) {
    headline.verdict = Headline::Verdict::kNotConverged;
    headline.sentence = "NOT converged: when the run ended, " + in_words_time(digest.end_us - recording.healed_us) +
                        " after " + since + ", the nodes were not equal.";
  } else {
    headline.sentence = recording.failures.empty()
                            ? "All checks held. The run ended as it stood: nothing was healed, and "
                              "convergence was not asked for."
                            : "";
  }
  headline.more.push_back(about_writes(recording, digest));
  if (!recording.failures.empty()) {
    const std::string failed = recording.failures.size() == 1
                                   ? "FAILED: one check did not hold."
                                   : "FAILED: " + with_commas(recording.failures.size()) + " checks did not hold.";
    if (headline.verdict != Headline::Verdict::kNotConverged) {
      if (!headline.sentence.empty()) headline.more.insert(headline.more.begin(), headline.sentence);
      headline.verdict = Headline::Verdict::kFailed;
      headline.sentence = failed;
    }
  }
  if (!recording.nodes.empty() && !converged) {
    if (std::string contents = contents_at_end(recording); !contents.empty())
      headline.more.push_back(std::move(contents));
  }
  if (std::string recovery = about_recovery(recording, digest); !recovery.empty())
    headline.more.push_back(std::move(recovery));
  return headline;
}

}  // namespace kith::sim
