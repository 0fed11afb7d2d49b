#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "sim/digest.h"
#include "sim/report.h"
#include "sim/report_charts.h"
#include "sim/report_headline.h"
#include "sim/report_style.h"
#include "sim/report_tables.h"
#include "sim/words.h"

namespace kith::sim {
namespace {

constexpr std::size_t kFailuresMax = 100;

std::string heading_of(const Recording& recording) {
  return recording.scenario.empty() ? "A simulated run" : recording.scenario;
}

std::string verdict_box(const Recording& recording, const Headline& headline) {
  std::string_view tone = "bad", sign = "\xE2\x9C\x97";
  if (headline.verdict == Headline::Verdict::kConverged) tone = "good", sign = "\xE2\x9C\x93";
  if (headline.verdict == Headline::Verdict::kHeld) tone = "even", sign = "\xE2\x80\xA2";
  std::string html = "<section class=\"verdict ";
  html += tone;
  html += "\"><strong><span class=\"sign\" aria-hidden=\"true\">";
  html += sign;
  html += "</span>" + escape_markup(headline.sentence) + "</strong>";
  html += "<p>";
  for (const std::string& sentence : headline.more) html += escape_markup(sentence) + " ";
  html += "</p>";
  if (!recording.failures.empty()) {
    html += "<ul>";
    for (std::size_t i = 0; i < std::min(kFailuresMax, recording.failures.size()); ++i) {
      html += "<li>" + escape_markup(recording.failures[i]) + "</li>";
    }
    if (recording.failures.size() > kFailuresMax) {
      html += "<li>and " + with_commas(recording.failures.size() - kFailuresMax) + " more</li>";
    }
    html += "</ul>";
  }
  return html + "</section>\n";
}

std::string figure(std::string_view name, const std::string& value, const std::string& more) {
  std::string html = "<div><dt>" + escape_markup(name) + "</dt><dd>" + escape_markup(value);
  if (!more.empty()) html += "<small>" + escape_markup(more) + "</small>";
  return html + "</dd></div>";
}

std::string figures(const Recording& recording, const Digest& digest) {
  const LagStatistics& lags = digest.lags;
  const auto time_or_never = [](std::int64_t us, std::uint64_t count) {
    return count == 0 ? std::string("\xE2\x80\x93") : us < 0 ? std::string("never") : in_words_time(us);
  };
  std::string html = "<dl class=\"figures\">";
  html += figure("nodes", with_commas(recording.nodes.size()),
                 recording.nodes.empty() ? "" : digest.presence.counted.size() == recording.nodes.size()
                     ? "all up at the end"
                     : with_commas(digest.presence.counted.size()) + " up at the end");
  html += figure("virtual time", in_words_time(digest.end_us),
                 recording.end_us < digest.end_us ? "timeline: " + in_words_time(recording.end_us) : "");
  html += figure("acknowledged writes", with_commas(recording.writes.size()),
                 with_commas(lags.writes_everywhere) + " on every node");
  html += figure("to the last node, p50", time_or_never(lags.last_node.p50_us, lags.last_node.count),
                 "p99 " + time_or_never(lags.last_node.p99_us, lags.last_node.count) + ", max " +
                     time_or_never(lags.last_node.max_us, lags.last_node.count));
  html += figure("sent between nodes", in_words_bytes(static_cast<double>(digest.bytes_sent)),
                 plural(digest.messages_sent, "message"));
  html += figure("sent per write", recording.writes.empty()
                                       ? "\xE2\x80\x93"
                                       : in_words_bytes(static_cast<double>(digest.bytes_sent) /
                                                        static_cast<double>(recording.writes.size())),
                 "all messages, idle ones too");
  return html + "</dl>\n";
}

// A chart for pages and for phones, with words above and below.
template <class Draw>
std::string chart(std::string_view heading, Draw draw, std::string_view caption) {
  return "<figure><h2>" + escape_markup(heading) + "</h2>" + draw(kWide) + draw(kNarrow) + "<figcaption>" +
         escape_markup(caption) + "</figcaption></figure>\n";
}

std::string nothing(std::string_view heading, std::string_view why) {
  return "<figure><h2>" + escape_markup(heading) + "</h2><p class=\"none\">" + escape_markup(why) + "</p></figure>\n";
}

std::string charts_of_writes(const Recording& recording, const Digest& digest) {
  constexpr std::string_view kShare = "Who has each write", kWay = "What is still to arrive",
                             kLag = "How long writes take";
  if (recording.writes.empty()) return nothing(kShare, "No write was acknowledged in this run.");
  std::string html = chart(
      kShare, [&](const Look& look) { return share_chart(recording, digest, look); },
      "At each moment stand the writes made then, and how large a part of the nodes had them in time, on average: "
      "pale is soon, strong is late, hatched is never. All pale means that everything got through at once; a strong "
      "notch is what had to wait. Faults have bars on top, and their names as far as there is room.");
  html += chart(
      kWay, [&](const Look& look) { return under_way_chart(recording, digest, look); },
      "A copy is a write on a node that should have it. Counted are those that are still missing: what a fault holds "
      "back piles up, and how steeply it falls afterwards is how fast the cluster catches up. Each column shows the "
      "most.");
  html += recovery_table(recording, digest);
  if (digest.lags.copies == 0) return html + nothing(kLag, "There is no other node that a write could have gone to.");
  html += chart(
      kLag, [&](const Look& look) { return lag_chart(recording, digest, look); },
      "How large a part had arrived after the time below: at half of the nodes, at each node taken by itself, at the "
      "last node. Further left is faster; a curve that ends below 100\xC2\xA0% says that some never arrived. Circle: "
      "half (p50), diamond: 99 of 100 (p99), square: the slowest that arrived.");
  return html + lag_table(digest);
}

std::string charts_of_samples(const Recording& recording, const Digest& digest) {
  if (digest.samples.empty() || recording.nodes.empty()) {
    return nothing("Traffic and contents over time", "No samples were taken in this run.") +
           traffic_table(recording, digest);
  }
  const std::string_view by_node = digest.nodes_apart
      ? "One line a node, interrupted while it is down."
      : "Half of the nodes are above the solid line, eight of ten are in the band, and none is above the dashed line.";
  const auto node_figure = [&](NodeFigure which) {
    return [&, which](const Look& look) { return node_figure_chart(recording, digest, look, which); };
  };
  std::string html = chart("What nodes send", node_figure(NodeFigure::kBytes),
                           "Bytes sent to other nodes each second. " + std::string(by_node));
  html += chart("Messages", node_figure(NodeFigure::kMessages),
                "Messages sent to other nodes each second. " + std::string(by_node));
  html += chart("All nodes together", [&](const Look& look) { return total_chart(recording, digest, look); },
                "The sum over all nodes; the table below says what it was made of.");
  html += traffic_table(recording, digest);
  html += chart(
      "Different contents", [&](const Look& look) { return contents_chart(recording, digest, look); },
      "How many different contents the nodes that are up held: 1 means that all were equal. While clients write it "
      "is hardly ever 1, as some write is always under way.");
  html += chart(
      "Where they differ", [&](const Look& look) { return bucket_chart(recording, digest, look); },
      "Every row is one of the 256 buckets that a store\xE2\x80\x99s rows fall into, the same on all nodes. Blank: "
      "all nodes that are up hold the same in it; the further from the colour of the ground, the more different "
      "contents. A row that never turns blank again is where a difference stays.");
  html += chart("Size of stores", node_figure(NodeFigure::kStore),
                "How much each node has stored. " + std::string(by_node));
  if (!recording.garbage.empty()) {
    html += chart(
        "What is kept of what was removed", [&](const Look& look) { return garbage_chart(recording, digest, look); },
        "Rows of the node that has most of them, and how many of those are there, in whole or in part, because something "
        "was removed, deleted or counted: they go when no retry can come any more and every member has them. Dashed: "
        "how many were made during the last " + in_words_time(recording.garbage_kept_us) +
            ", one retry window and one gossip interval. The line is above that by what is made while nodes tell one "
            "another in some rounds what they hold. Dotted: all that were made, which is what there would be without "
            "collection, but for elements that were removed twice.");
  }
  return html;
}

}  // namespace

std::string report_html(const Recording& recording) {
  const Digest digest = digest_of(recording);
  const Headline headline = headline_of(recording, digest);
  std::string html = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"
                     "<meta name=\"color-scheme\" content=\"light dark\"/>";
  html += "<title>" + escape_markup(heading_of(recording)) + "</title><style>";
  html += drawing_style();
  html += page_style();
  html += "</style></head>\n<body><svg class=\"defs\" aria-hidden=\"true\">";
  html += hatches();
  html += "</svg>\n<header><h1>" + escape_markup(heading_of(recording)) + "</h1>";
  if (!recording.about.empty()) html += "<p class=\"about\">" + escape_markup(recording.about) + "</p>";
  html += "<p class=\"about\">Seed " + std::to_string(recording.seed) + ", trace " + hexadecimal(recording.trace_hash) +
          ". Simulated with Kith\xE2\x80\x99s own engine on a virtual clock; the same scenario and seed give the same "
          "run.</p></header>\n<main>";
  html += verdict_box(recording, headline);
  html += figures(recording, digest);
  html += charts_of_writes(recording, digest);
  constexpr std::string_view kFaults = "What went wrong, and when";
  if (recording.spans.empty() && recording.happenings.empty()) {
    html += nothing(kFaults, "Nothing: this run had no faults.");
  } else if (recording.nodes.empty()) {
    html += nothing(kFaults, "There are no nodes that anything could have happened to.");
  } else {
    html += chart(
        kFaults, [&](const Look& look) { return lanes_chart(recording, digest, look); },
        "A bar is a stretch during which something was not as it should be with that node. In a lane that stands for "
        "several nodes it is the stronger, the more of them it concerns. Ticks at the bottom are single events.");
    html += happening_list(recording);
  }
  html += charts_of_samples(recording, digest);
  if (recording.outcomes.empty()) {
    html += nothing("What clients were told", "Clients wrote nothing in this run.");
  } else {
    html += chart(
        "What clients were told", [&](const Look& look) { return outcome_chart(recording, digest, look); },
        "Answers to client writes. Stored: durable, but not yet on as many replicas as was asked for. Unanswered: the "
        "client does not know, and the write may have happened.");
  }
  html += "</main><footer>All times are virtual, from the beginning of the run. kB and MB are 1,000 and 1,000,000 "
          "bytes.</footer></body></html>\n";
  return html;
}

std::string report_svg(const Recording& recording) {
  const Digest digest = digest_of(recording);
  const Headline headline = headline_of(recording, digest);
  std::string sentences = headline.sentence + " " + headline.more.front();
  if (text_width(sentences, kFontSize) > kWide.width) sentences = headline.sentence;
  return share_chart(recording, digest, kWide, heading_of(recording), sentences);
}

}  // namespace kith::sim
