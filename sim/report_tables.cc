#include "sim/report_tables.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <utility>
#include <vector>

#include "sim/report_headline.h"
#include "sim/svg.h"
#include "sim/words.h"

namespace kith::sim {
namespace {

constexpr std::size_t kHappeningsMax = 400;

std::string cell(const std::string& text, const char* css_class = nullptr) {
  std::string html = "<td";
  if (css_class != nullptr) ((html += " class=\"") += css_class) += '"';
  return html + '>' + escape_markup(text) + "</td>";
}

std::string head(std::initializer_list<std::pair<const char*, const char*>> columns) {
  std::string html = "<thead><tr>";
  for (const auto& [name, css_class] : columns) {
    html += "<th scope=\"col\"";
    if (css_class != nullptr) ((html += " class=\"") += css_class) += '"';
    html += '>' + escape_markup(name) + "</th>";
  }
  return html + "</tr></thead>";
}

std::string per(double amount, std::uint64_t of, bool bytes) {
  if (of == 0) return "\xE2\x80\x93";
  const double each = amount / static_cast<double>(of);
  return bytes ? in_words_bytes(each) : in_words_number(each);
}

}  // namespace

std::string recovery_table(const Recording& recording, const Digest& digest) {
  if (digest.recoveries.empty()) return {};
  std::string html = "<h3>After each fault</h3><div class=\"table\"><table>" +
                     head({{"over at", nullptr}, {"what ended", "words"}, {"faults lasted", "minor"},
                           {"copies missing then", nullptr}, {"all of them there after", nullptr}}) + "<tbody>";
  for (const Recovery& recovery : digest.recoveries) {
    html += "<tr>" + cell(in_words_time(recovery.ended_us), "when") +
            cell(end_of_fault(recording, recovery.spans), "words") +
            cell(in_words_time(recovery.ended_us - recovery.began_us), "minor") +
            cell(with_commas(recovery.copies_missing)) +
            cell(recovery.copies_missing == 0       ? "\xE2\x80\x93"
                 : recovery.everywhere_us == kNever ? "never all"
                                                    : in_words_time(recovery.everywhere_us)) +
            "</tr>";
  }
  html += "</tbody></table></div>\n";
  if (digest.recoveries.size() == kRecoveriesMax) {
    html += "<p class=\"none\">The first " + with_commas(kRecoveriesMax) + " are listed.</p>";
  }
  return html;
}

std::string lag_table(const Digest& digest) {
  const auto row = [](const char* name, const Distribution& of) {
    const auto time = [&](std::int64_t us) {
      return of.count == 0 ? "\xE2\x80\x93" : us < 0 ? "never" : in_words_time(us);
    };
    return "<tr>" + cell(name) + cell(time(of.p50_us)) + cell(time(of.p90_us)) + cell(time(of.p99_us)) +
           cell(time(of.max_us)) + cell(with_commas(of.never)) + "</tr>";
  };
  return "<div class=\"table\"><table>" +
         head({{"time until a write was at", nullptr},
               {"p50", nullptr},
               {"p90", nullptr},
               {"p99", nullptr},
               {"max", nullptr},
               {"never arrived", nullptr}}) +
         "<tbody>" + row("half of the nodes", digest.lags.half) + row("each node", digest.lags.each_node) +
         row("the last node", digest.lags.last_node) + "</tbody></table></div>\n";
}

std::string traffic_table(const Recording& recording, const Digest& digest) {
  if (recording.traffic.empty()) return {};
  std::vector<std::pair<std::string, Recording::Traffic>> kinds(recording.traffic.begin(), recording.traffic.end());
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const auto& a, const auto& b) { return a.second.bytes > b.second.bytes; });
  const std::uint64_t writes = recording.writes.size();
  std::string html = "<h3>What was sent, by kind of message</h3><div class=\"table\"><table>" +
                     head({{"message", nullptr},
                           {"messages", nullptr},
                           {"bytes", nullptr},
                           {"share of bytes", "minor"},
                           {"bytes each", "minor"},
                           {"messages per write", nullptr},
                           {"bytes per write", nullptr}}) +
                     "<tbody>";
  const auto row = [&](const std::string& name, const Recording::Traffic& traffic, const char* css_class) {
    const auto bytes = static_cast<double>(traffic.bytes);
    html += css_class == nullptr ? "<tr>" : "<tr class=\"" + std::string(css_class) + "\">";
    html += cell(name) + cell(with_commas(traffic.messages)) + cell(in_words_bytes(bytes)) +
            cell(in_words_share(digest.bytes_sent == 0 ? 0 : bytes / static_cast<double>(digest.bytes_sent)), "minor") +
            cell(per(bytes, traffic.messages, true), "minor") +
            cell(per(static_cast<double>(traffic.messages), writes, false)) + cell(per(bytes, writes, true)) + "</tr>";
  };
  for (const auto& [name, traffic] : kinds) row(name, traffic, nullptr);
  row("all", {digest.messages_sent, digest.bytes_sent}, "sum");
  return html + "</tbody></table></div>\n";
}

std::string happening_list(const Recording& recording) {
  if (recording.happenings.empty()) return {};
  std::string html = "<details><summary>" +
                     escape_markup(recording.happenings.size() == 1
                                       ? "The event, in words"
                                       : "The " + plural(recording.happenings.size(), "event") + ", in words") +
                     "</summary><div class=\"table\"><table><tbody>";
  for (std::size_t i = 0; i < std::min(kHappeningsMax, recording.happenings.size()); ++i) {
    const Recording::Happening& happening = recording.happenings[i];
    html += "<tr>" + cell(in_words_time(happening.at_us), "when") + cell(happening.text, "words") + "</tr>";
  }
  html += "</tbody></table></div>";
  if (recording.happenings.size() > kHappeningsMax) {
    html += "<p class=\"none\">and " + with_commas(recording.happenings.size() - kHappeningsMax) + " more</p>";
  }
  return html + "</details>\n";
}

std::string hexadecimal(std::uint64_t number) {
  std::array<char, 24> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "0x%016llx", static_cast<unsigned long long>(number));
  return buffer.data();
}

}  // namespace kith::sim
