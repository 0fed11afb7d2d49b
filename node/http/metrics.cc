#include "node/http/metrics.h"

#include <algorithm>
#include <prometheus/text_serializer.h>

#include <utility>

#include "node/http/watch.h"

namespace kith {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

double seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000; }

class Page {
 public:
  void counter(const std::string& name, const std::string& help, std::uint64_t value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = static_cast<double>(value);
    family(name, help, MetricType::Counter).metric.push_back(std::move(metric));
  }
  void gauge(const std::string& name, const std::string& help, double value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    family(name, help, MetricType::Gauge).metric.push_back(std::move(metric));
  }
  void histogram(const std::string& name, const std::string& help, const Histogram::Reading& reading) {
    ClientMetric metric;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < reading.bounds.size(); ++i) {
      count += reading.counts[i];
      metric.histogram.bucket.push_back({count, reading.bounds[i]});
    }
    count += reading.counts.back();
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = reading.sum;
    family(name, help, MetricType::Histogram).metric.push_back(std::move(metric));
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  MetricFamily& family(const std::string& name, const std::string& help, MetricType type) {
    for (MetricFamily& known : families_) {
      if (known.name == name) return known;
    }
    families_.push_back({name, help, type, {}});
    return families_.back();
  }

  std::vector<MetricFamily> families_;
};

std::uint64_t of(const NodeStatus& status, const std::string& counter) {
  const auto found = status.counters.find(counter);
  return found == status.counters.end() ? 0 : found->second;
}

void add_node(Page& page, const NodeStatus& status) {
  page.gauge("kith_build_info", "Always 1; the version of Kith is in its label.", 1, {{"version", status.version}});
  page.gauge("kith_uptime_seconds", "Since this process began.", seconds(status.uptime_ms));
  const bool observes = std::any_of(status.members.begin(), status.members.end(), [](const MemberRow& member) { return member.self && member.observer; });
  const std::pair<const char*, bool> states[] = {
      {"joined", status.joined},         {"stopping", status.stopping},     {"clock_fenced", status.clock_fenced},
      {"store_full", status.full},       {"superseded", status.superseded}, {"rebasing", status.garbage.rebasing},
      {"returning", status.garbage.returning}, {"leaving", status.leave.leaving}, {"observer", observes},
  };
  for (const auto& [state, is] : states) {
    page.gauge("kith_state", "1 while the node is in that state, else 0; several may be 1.", is ? 1 : 0, {{"state", state}});
  }
  std::size_t members = 0, evicted = 0;
  for (const MemberRow& member : status.members) ++(member.evicted ? evicted : members);
  page.gauge("kith_members", "Members of the cluster, this node among them.", static_cast<double>(members));
  page.gauge("kith_members_evicted", "Nodes that were evicted, or left, and are not back.", static_cast<double>(evicted));
  page.gauge("kith_clock_ahead_seconds", "How far this node's clock is ahead of the majority's.", seconds(status.clock_ahead_ms));
}

void add_peers(Page& page, const NodeStatus& status) {
  for (const MemberRow& member : status.members) {
    if (member.self || member.evicted) continue;
    const Labels peer = {{"peer", member.name}};
    if (member.liveness_ms >= 0) {
      for (const std::string state : {"alive", "suspect", "dead"}) {
        page.gauge("kith_peer_believed", "1 in the state in which failure detection believes this peer to be, else 0.", member.liveness == state ? 1 : 0,
                   {{"peer", member.name}, {"state", state}});
      }
    }
    if (member.heard_ms_ago >= 0) page.gauge("kith_peer_heard_seconds", "Since this peer was last heard of directly.", seconds(member.heard_ms_ago), peer);
    if (member.agreed_ms_ago >= 0) {
      page.gauge("kith_peer_agreed_seconds", "Since a round with this peer last found nothing missing.", seconds(member.agreed_ms_ago), peer);
    }
    if (member.round_trip_ms >= 0) {
      page.gauge("kith_peer_round_trip_seconds", "From the last round told to this peer to its answer.", seconds(member.round_trip_ms), peer);
    }
    if (member.heard_ms_ago >= 0) {
      page.gauge("kith_peer_clock_offset_seconds", "The peer's clock less this node's.", seconds(member.clock_offset_ms), peer);
    }
  }
}

// Only what is not older than a few looks.
void add_missing(Page& page, const Picture* picture, SteadyTime now) {
  if (picture == nullptr || now - picture->taken_at > std::chrono::milliseconds(3 * kWatchIdleMs)) return;
  const SeenNode* own = picture->own();
  if (own == nullptr || !own->answers()) return;
  const char* const name = "kith_peer_missing_cells";
  const char* const help =
      "Cells that one of the two holds and the other lacks; there: the peer lacks them, here: this node does. Absent: unknown.";
  const auto add = [&](const SeenNode& holder, const SeenNode& other, const std::string& peer, const char* direction) {
    const Labels labels = {{"peer", peer}, {"direction", direction}};
    if (holder.status->root == other.status->root) return page.gauge(name, help, 0, labels);
    const auto lacked = holder.lacked.find(other.name);
    if (lacked != holder.lacked.end()) page.gauge(name, help, static_cast<double>(lacked->second.cells), labels);
  };
  for (const SeenNode& node : picture->nodes) {
    if (node.name == own->name) continue;
    page.gauge("kith_peer_reachable", "1: the peer's client port answered when it was last asked.", node.answers() ? 1 : 0, {{"peer", node.name}});
    if (!node.answers()) continue;
    add(*own, node, node.name, "there");
    add(node, *own, node.name, "here");
  }
}

void add_probes(Page& page, const NodeStatus& status) {
  page.gauge("kith_probe_score", "0 to 8: how much this node's own probes fail; it takes so many times longer, and one, for each.",
             static_cast<double>(status.probe_score));
  page.counter("kith_probes_total", "Members that were pinged.", of(status, "probes"));
  page.counter("kith_probes_indirect_total", "Of these, asked through others since they did not answer at once.", of(status, "probes_indirect"));
  page.counter("kith_probes_failed_total", "Of these, without an answer at all.", of(status, "probes_failed"));
  page.counter("kith_members_called_dead_total", "Members that this node took for dead.", of(status, "members_called_dead"));
  page.counter("kith_members_back_total", "Of these, heard of again.", of(status, "members_back"));
}

void add_traffic(Page& page, const NodeStatus& status) {
  page.counter("kith_rounds_begun_total", "Rounds of gossip that this node began.", of(status, "rounds"));
  for (const char* result : {"in_sync", "differing", "members_first"}) {
    page.counter("kith_rounds_total", "Rounds that a peer began with this node, by what came of it.", of(status, std::string("rounds_") + result),
                 {{"result", result}});
  }
  for (const char* result : {"completed", "unanswered", "cut_in_the_middle", "put_off"}) {
    page.counter("kith_pulls_total", "Questions to peers for what is missing here, by what came of it.", of(status, std::string("pulls_") + result),
                 {{"result", result}});
  }
  // "sent_push" and "sent_push_bytes", for each kind of message that there was.
  for (const auto& [counter, value] : status.counters) {
    for (const std::string direction : {"sent", "received"}) {
      const std::string suffix = "_bytes";
      if (!counter.starts_with(direction + "_") || !counter.ends_with(suffix)) continue;
      if (counter.size() <= direction.size() + suffix.size() + 1) continue;  // "received_bytes" is of all kinds.
      const std::string kind = counter.substr(direction.size() + 1, counter.size() - direction.size() - 1 - suffix.size());
      const Labels labels = {{"kind", kind}, {"direction", direction}};
      page.counter("kith_messages_total", "Messages between nodes, by kind and direction.", of(status, direction + "_" + kind), labels);
      page.counter("kith_message_bytes_total", "Their bytes.", value, labels);
    }
  }
  for (const auto& [counter, value] : status.counters) {
    for (const std::string prefix : {"dropped_", "transport_dropped_"}) {
      if (!counter.starts_with(prefix)) continue;
      page.counter("kith_messages_dropped_total", "Messages between nodes, or parts of them, that were dropped, by reason.", value,
                   {{"reason", counter.substr(prefix.size())}});
    }
  }
  page.counter("kith_peer_port_received_bytes_total", "Bytes of frames that came to the port for peers.", of(status, "transport_bytes_received"));
  page.counter("kith_peer_port_sent_bytes_total", "Bytes of frames that were sent to peers.", of(status, "transport_bytes_sent"));
}

void add_garbage(Page& page, const NodeStatus& status, const RemovalCount::Reading& removals) {
  const GarbageRow& garbage = status.garbage;
  if (removals.counted_wall_ms > 0) {
    page.gauge("kith_removal_records", "Rows with something to collect (removals, deletions, increments to fold), as last counted.",
               static_cast<double>(removals.rows));
    page.gauge("kith_removal_records_counted_timestamp_seconds", "When they were last counted.", seconds(removals.counted_wall_ms));
  }
  if (garbage.horizon_ms > 0) {
    page.gauge("kith_horizon_timestamp_seconds", "Removal records up to then are no more.", seconds(garbage.horizon_ms));
  }
  if (garbage.floor) page.gauge("kith_floor_timestamp_seconds", "All that anybody committed up to then is held here.", seconds(garbage.floor.ms()));
  if (!garbage.held_by.empty()) {
    page.gauge("kith_horizon_held_by", "Always 1; the label names the member whose floor is the least.", 1, {{"peer", garbage.held_by}});
    if (garbage.held_for_ms >= 0) page.gauge("kith_horizon_held_seconds", "Since that floor last rose.", seconds(garbage.held_for_ms));
  }
}

void add_store(Page& page, const NodeStatus& status, const Meters& meters) {
  page.histogram("kith_commit_seconds", "How long a commit took until it was durable.", meters.commit_seconds.read());
  page.histogram("kith_commit_rows", "Rows that a commit changed.", meters.commit_rows.read());
  page.counter("kith_commit_row_bytes_total", "Bytes of rows that commits changed, keys included.", of(status, "row_bytes_changed"));
  page.gauge("kith_map_used_bytes", "Room that the data takes in its map; client writes stop at 80 % of it.", static_cast<double>(status.bytes_used));
  page.gauge("kith_map_size_bytes", "Size of the map.", static_cast<double>(status.bytes_max));
  page.gauge("kith_rows", "Rows in the store, those of removals and of the system included.", static_cast<double>(status.rows));
  page.gauge("kith_rows_damaged", "Damaged rows that wait for a peer.", static_cast<double>(status.rows_damaged));
  page.counter("kith_rows_mended_total", "Damaged rows that came back from a peer.", of(status, "rows_mended"));
  page.counter("kith_rows_repaired_total", "Rows that differed though clocks agreed, and were repaired.", of(status, "rows_repaired"));
  page.counter("kith_scrub_rows_total", "Rows that the scrub has read.", of(status, "scrub_rows"));
  page.counter("kith_scrub_damaged_total", "Damaged rows that it found; one that is not mended counts in each pass.", of(status, "scrub_damaged"));
}

void add_clients(Page& page, const NodeStatus& status, const Meters& meters) {
  static constexpr const char* kOutcomes[] = {"applied", "unchanged", "retry_window_passed", "tag_from_future", "refused"};
  static_assert(std::size(kOutcomes) == Meters::kOutcomes);
  for (std::size_t i = 0; i < Meters::kOutcomes; ++i) {
    page.counter("kith_tagged_writes_total", "Writes that came with a client's tag, so that a retry is known, by outcome; unchanged: mostly a retry.",
                 meters.tagged_writes[i].load(), {{"outcome", kOutcomes[i]}});
  }
  page.counter("kith_operations_total", "Writes that clients asked for.", of(status, "operations"));
  page.counter("kith_operations_refused_total", "Writes that were refused.", of(status, "operations_refused"));
  page.counter("kith_client_requests_total", "Requests at the clients' port.", of(status, "front_requests"));
  page.gauge("kith_client_requests_in_flight", "Those that are not answered yet.", static_cast<double>(of(status, "front_in_flight")));
  page.counter("kith_client_requests_busy_total", "Those that were turned away, since as many as may be were in flight.", of(status, "front_busy"));
  page.counter("kith_client_requests_malformed_total", "Those that could not be understood.",
               of(status, "front_malformed") + of(status, "front_dropped_unreadable") + of(status, "front_dropped_frame_count"));
}

void add_http(Page& page, const HttpCounters& http) {
  page.counter("kith_http_requests_total", "Requests at this port.", http.requests);
  page.counter("kith_http_errors_total", "Those that were answered with an error.", http.errors);
  page.counter("kith_http_busy_total", "Connections that were turned away, since too many waited.", http.busy);
  page.counter("kith_http_malformed_total", "Connections that sent no whole request: too large, too slow, or gone.", http.malformed);
}

}  // namespace

std::string metrics_text(const MetricsSources& sources, SteadyTime now) {
  Page page;
  add_node(page, sources.status);
  page.histogram("kith_convergence_lag_seconds", "From the origin's timestamp of a cell until it was durable here.",
                 sources.meters.convergence_lag_seconds.read());
  add_peers(page, sources.status);
  add_missing(page, sources.picture, now);
  add_probes(page, sources.status);
  add_traffic(page, sources.status);
  add_garbage(page, sources.status, sources.removals);
  add_store(page, sources.status, sources.meters);
  add_clients(page, sources.status, sources.meters);
  add_http(page, sources.http);
  return page.text();
}

}  // namespace kith
