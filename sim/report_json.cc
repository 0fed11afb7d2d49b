#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>

#include "sim/digest.h"
#include "sim/report.h"
#include "sim/report_headline.h"
#include "sim/report_style.h"
#include "sim/report_tables.h"

namespace kith::sim {
namespace {

using Json = nlohmann::ordered_json;

Json time_or_null(std::int64_t us) { return us < 0 ? Json(nullptr) : Json(us); }

Json json_of(const Distribution& of) {
  return {{"count", of.count},
          {"never", of.never},
          {"p50_us", time_or_null(of.p50_us)},
          {"p90_us", time_or_null(of.p90_us)},
          {"p99_us", time_or_null(of.p99_us)},
          {"max_us", time_or_null(of.max_us)}};
}

Json json_of(const Recording::Traffic& traffic, std::size_t writes) {
  const auto per_write = [&](std::uint64_t amount) {
    return writes == 0 ? Json(nullptr) : Json(static_cast<double>(amount) / static_cast<double>(writes));
  };
  return {{"messages", traffic.messages},
          {"bytes", traffic.bytes},
          {"messages_per_write", per_write(traffic.messages)},
          {"bytes_per_write", per_write(traffic.bytes)}};
}

Json recoveries_of(const Recording& recording, const Digest& digest) {
  Json recoveries = Json::array();
  for (const Recovery& recovery : digest.recoveries) {
    recoveries.push_back({{"began_us", recovery.began_us},
                          {"ended_us", recovery.ended_us},
                          {"what_ended", end_of_fault(recording, recovery.spans)},
                          {"copies_missing", recovery.copies_missing},
                          {"everywhere_after_us", time_or_null(recovery.everywhere_us)}});
  }
  return recoveries;
}

Json nodes_of(const Recording& recording) {
  Json nodes = Json::array();
  for (std::size_t node = 0; node < recording.nodes.size(); ++node) {
    Json one = {{"name", recording.nodes[node]}};
    if (node < recording.sent_by_node.size()) {
      one["messages_sent"] = recording.sent_by_node[node].messages;
      one["bytes_sent"] = recording.sent_by_node[node].bytes;
    }
    if (!recording.samples.empty()) {
      const Recording::Sample& last = recording.samples.back();
      if (node < last.up.size()) one["up"] = last.up[node] != 0;
      if (node < last.store_bytes.size()) one["store_bytes"] = last.store_bytes[node];
    }
    nodes.push_back(std::move(one));
  }
  return nodes;
}

// How long ago the oldest of what is kept was made at least: so far back as many were.  Between samples by interpolation.
std::int64_t age_of_oldest_us(const std::vector<Recording::Garbage>& samples, std::size_t at, std::uint64_t records) {
  const std::uint64_t before = samples[at].made - std::min(samples[at].made, records);
  if (records == 0) return 0;
  std::size_t i = at;
  while (i > 0 && samples[i].made > before) --i;
  const Recording::Garbage &low = samples[i], &high = samples[std::min(i + 1, at)];
  if (high.made == low.made) return samples[at].at_us - low.at_us;
  const double share =
      static_cast<double>(before - std::min(low.made, before)) / static_cast<double>(high.made - low.made);
  return samples[at].at_us - low.at_us - static_cast<std::int64_t>(share * static_cast<double>(high.at_us - low.at_us));
}

// The most of any node, over time.
Json garbage_of(const Recording& recording) {
  const auto most_of = [](const std::vector<std::uint64_t>& of) {
    return of.empty() ? std::uint64_t{0} : *std::max_element(of.begin(), of.end());
  };
  Json json = {{"kept_us", recording.garbage_kept_us}, {"made", 0}, {"made_lately_max", 0}, {"records_max", 0},
               {"rows_max", 0}, {"oldest_us_max", 0}};
  std::uint64_t lately = 0, records = 0, rows = 0;
  std::int64_t oldest_us = 0;
  Json samples = Json::array();
  for (std::size_t i = 0; i < recording.garbage.size(); ++i) {
    const Recording::Garbage& it = recording.garbage[i];
    oldest_us = std::max(oldest_us, age_of_oldest_us(recording.garbage, i, most_of(it.records)));
    json["oldest_us_max"] = oldest_us;
    json["made"] = it.made;
    json["made_lately_max"] = lately = std::max(lately, it.made_lately);
    json["records_max"] = records = std::max(records, most_of(it.records));
    json["rows_max"] = rows = std::max(rows, most_of(it.rows));
    samples.push_back({{"at_us", it.at_us},
                       {"records", most_of(it.records)},
                       {"rows", most_of(it.rows)},
                       {"made_lately", it.made_lately}});
  }
  json["samples"] = std::move(samples);
  return json;
}

}  // namespace

std::string report_json(const Recording& recording) {
  const Digest digest = digest_of(recording);
  const Headline headline = headline_of(recording, digest);
  const LagStatistics& lags = digest.lags;
  Json json;
  json["scenario"] = recording.scenario;
  json["about"] = recording.about;
  json["seed"] = recording.seed;
  json["trace_hash"] = hexadecimal(recording.trace_hash);
  json["verdict"] = verdict_word(headline.verdict);
  json["sentence"] = headline.sentence;
  json["failures"] = recording.failures;
  json["end_us"] = recording.end_us;
  json["healed_us"] = time_or_null(recording.healed_us);
  json["converged_us"] = time_or_null(recording.converged_us);
  json["converged_after_us"] = recording.healed_us >= 0 && recording.converged_us >= 0
                                   ? Json(recording.converged_us - recording.healed_us)
                                   : Json(nullptr);
  json["writes"] = {{"acknowledged", recording.writes.size()},
                    {"everywhere", lags.writes_everywhere},
                    {"copies", lags.copies},
                    {"copies_missing", lags.copies_missing},
                    {"most_under_way", digest.most_under_way},
                    {"most_under_way_at_us", digest.most_under_way_us}};
  json["lag"] = {{"half_of_nodes", json_of(lags.half)},
                 {"each_node", json_of(lags.each_node)},
                 {"last_node", json_of(lags.last_node)}};
  json["recoveries"] = recoveries_of(recording, digest);
  json["outcomes"] = Json::object();
  for (const auto& [outcome, count] : recording.outcomes) json["outcomes"][outcome] = count;
  json["traffic"] = json_of({digest.messages_sent, digest.bytes_sent}, recording.writes.size());
  json["traffic"]["by_kind"] = Json::object();
  for (const auto& [kind, traffic] : recording.traffic) {
    json["traffic"]["by_kind"][kind] = json_of(traffic, recording.writes.size());
  }
  json["nodes"] = nodes_of(recording);
  if (recording.garbage_interval_us > 0) json["garbage"] = garbage_of(recording);
  json["spans"] = Json::array();
  for (const Recording::Span& span : recording.spans) {
    json["spans"].push_back({{"kind", kind_class(span.kind)}, {"begin_us", span.begin_us}, {"end_us", span.end_us},
                             {"text", span.text}, {"nodes", span.nodes.size()}});
  }
  // A name that is no UTF-8 must not cost the figures.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace kith::sim
