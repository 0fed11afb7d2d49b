#include "node/node.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "crdt/tag.h"
#include "gossip/engine.h"
#include "gossip/message.h"
#include "node/backup.h"
#include "node/data_directory.h"
#include "node/engine_thread.h"
#include "node/faults.h"
#include "node/front.h"
#include "node/listen.h"
#include "node/log.h"
#include "node/meters.h"
#include "node/reader_pool.h"
#include "node/reads.h"
#include "node/redis/password_file.h"
#include "node/redis/port.h"
#include "node/restore.h"
#include "node/scrub.h"
#include "node/seeds.h"
#include "node/transport.h"
#include "node/worker.h"
#include "store/lmdb_store.h"
#include "store/page_check.h"

namespace kith {

namespace {

// A life starts at the lease of the one before, at most this far ahead of the wall; longer than that nobody waits.
constexpr std::int64_t kLeaseWaitMsMax = 1000;
constexpr std::chrono::milliseconds kDrainMost{1000};

EngineOptions options_of(const Config& config) {
  EngineOptions out;
  out.gossip_interval_ms = config.gossip_interval_ms;
  out.retry_window_ms = config.retry_window_ms;
  out.collect = config.collect;
  out.evict_after_ms = config.evict_after_ms;
  out.probe_every_ms = config.probe_every_ms;
  out.dead_after_ms = config.dead_after_ms;
  out.max_skew_ms = config.max_skew_ms;
  out.lease_ms = std::min(out.lease_ms, config.max_skew_ms * 3 / 5);
  return out;
}

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

struct Node::Impl final : Window {
  explicit Impl(const Config& the_config)
      : config(the_config),
        restored(config.restore.empty() ? std::nullopt : std::optional(check_backup(config))),
        directory(config.data),
        transport(config.peer, config.allow_faults ? &faults : nullptr, peek_sender),
        front(config.client, {}, [this](ClientReply& reply) { complete(reply); }),
        client_told(advertised_address(config.advertise_client, front.address())),
        peer_told(advertised_address(config.advertise_peer, transport.address())),
        store(open_store()) {
    NodeSetup setup;
    setup.name = config.name;
    setup.client_address = client_told;
    setup.peer_address = peer_told;
    setup.cluster = config.cluster;
    setup.shard_count = config.shards.value_or(kShardsDefault);
    setup.shard_count_given = config.shards.has_value();
    setup.replicas = config.replicas.value_or(0);
    setup.retry_window_given = config.retry_window_given;
    setup.role = config.role;
    setup.join = plain_join_entries(config.join);
    setup.joins = !config.join.empty();
    if (const auto problem = check_setup(*store->snapshot(), setup, options_of(config))) throw NodeMisfit(*problem);

    engine = std::make_unique<Engine>(options_of(config), setup, *store, random_seed());
    if (directory.identity()) directory.check_same_node(engine->status(read_clocks()).node);
    Output started;
    engine->start(read_clocks(), started);
    commit_all(*engine, *store, started);
    const EngineStatus status = engine->status(read_clocks());
    // SUBTLE: after the store, so that kith.id never names a node that the store does not know.
    directory.remember({status.node, status.name, status.cluster});
    wait_for_lease(status.start);
    if (restored) tell_restored(status);

    engine_thread = std::make_unique<EngineThread>(
        EngineThread::Parts{*engine, *store, transport, front, [this](Ticket ticket, ClientReply reply) { give_reply(ticket, std::move(reply)); },
                            facts, config.allow_faults ? &faults : nullptr,
                            config.scrub_interval_ms > 0 ? &scrubbed : nullptr, config.data, &measured, config.gossip_interval_ms, config.leave_ms, config.leave_for_good,
                            [this](const EngineStatus& joined) { on_joined(joined); },
                            [this]() -> CommitWatch* { return redis ? &redis->watch() : nullptr; },
                            [this](Ticket ticket, Request request, std::vector<std::string> told) {
                              readers->submit(ticket, std::move(request), std::move(told));
                            },
                            [](Ticket ticket) { return redis::Port::gave(ticket); },
                            [this](std::vector<Reply> replies) { redis->reply(std::move(replies)); }},
        std::move(started));
    readers = std::make_unique<ReaderPool>(
        *store, config.readers,
        ReaderPool::Callbacks{[this] { return facts.shard_count.load(); },
                              [this](const StoreKey& key) { engine_thread->damaged(key); },
                              [this] { return cluster_time().ms(); },
                              [this] { return facts.reads_may_be_stale.load(); },
                              [this](Ticket ticket, ClientReply reply) { front.reply(ticket, std::move(reply)); }});
    if (!config.redis.empty()) open_redis();
    backups = std::make_unique<Backups>(Backups::Parts{
        *store, config.data, [this](Ticket ticket, ClientReply reply) { front.reply(ticket, std::move(reply)); }});
  }

  void open_redis() {
    redis = std::make_unique<redis::Port>(
        redis::Port::Options{config.redis, config.redis_threads, config.redis_clients},
        redis::Services{*store, config.name, config.redis_table,
                        config.redis_password_file.empty() ? "" : redis::read_password(config.redis_password_file),
                        [this] { return facts.shard_count.load(); }, [this] { return cluster_time().ms(); },
                        [this] { return facts.reads_may_be_stale.load(); }, [this] { return facts.commits.load(); },
                        [this](const StoreKey& key) { engine_thread->damaged(key); },
                        [this](std::vector<Submission> writes) { engine_thread->submit(std::move(writes)); }});
  }

  void give_reply(Ticket ticket, ClientReply reply) {
    if (redis::Port::gave(ticket)) {
      redis->reply(ticket, std::move(reply));
    } else {
      front.reply(ticket, std::move(reply));
    }
  }

  std::unique_ptr<LmdbStore> open_store() {
    if (restored) {
      restore_into(config);
    } else {
      refuse_half_restored(config.data);
    }
    check_data_pages();
    return LmdbStore::open(config.data, {.map_bytes = config.map_bytes,
                                         .recent_bytes = recent_bytes_for(config.map_bytes),
                                         .beside = [this](std::function<void()> what) { beside.submit(std::move(what)); }});
  }

  // LMDB's own pages have no checksums.  A node on damaged ones would miss rows that it has, or write over others.
  void check_data_pages() const {
    const std::string file = config.data + "/data.mdb";
    std::error_code error;
    const auto bytes = std::filesystem::file_size(file, error);
    if (error || bytes == 0 || bytes > config.check_pages_bytes) return;  // None yet, or empty: the store tells better.
    const PageReport pages = check_pages(file);
    if (pages.findings.empty()) return;
    throw NodeError("the store in " + config.data + " cannot be used, data.mdb is damaged in its inner pages: " +
                    pages.findings.front() +
                    (pages.findings.size() > 1 ? " (and more: `kith verify` tells)" : "") +
                    ". Nobody can say which rows are lost, so no node starts on it: set the directory aside and let the node "
                    "join again with an empty one, its peers have the data; or restore a backup");
  }

  void tell_restored(const EngineStatus& status) const {
    const BackupNote& note = restored->note;
    std::string members;
    for (const std::string& name : restored->members) members += (members.empty() ? "" : ", ") + name;
    log(LogLevel::kInfo, "restored " + std::to_string(note.rows) + " rows from the backup in " + config.restore +
                             ", taken from node " + note.name + " at " + note.taken + ", as the new node " + config.name +
                             " (" + to_hex(status.node.value) + ")");
    log(LogLevel::kInfo, config.join.empty()
                             ? "without --join it is the first member again of cluster " + status.cluster_name + " (" +
                                   to_hex(status.cluster.value) + "); members when the backup was taken: " + members +
                                   "; one that still runs where it ran then is found again"
                             : "it asks the members of cluster " + status.cluster_name + " for what was written since");
  }

  void start_scrub() {
    if (config.scrub_interval_ms == 0) return;
    scrub = std::make_unique<Scrub>(*store, config.scrub_interval_ms, scrubbed,
                                    Scrub::Callbacks{[this](const StoreKey& key) { engine_thread->damaged(key); },
                                                     [this](ShardId shard) { engine_thread->doubted(shard); }});
  }

  void start_seeds() {
    if (config.join.empty()) return;
    seeds = std::make_unique<Seeds>(config.join, config.dns, peer_told,
                                    Seeds::Callbacks{[this](std::vector<std::string> addresses) { engine_thread->join_through(std::move(addresses)); },
                                                     [this] { return facts.shard_count.load() != 0; },
                                                     [](const std::string& text) { log(LogLevel::kWarning, text); }});
  }

  // A node that comes back at once would speak from ahead of its peers' clocks, and be taken for one that runs fast.
  void wait_for_lease(Timestamp start) const {
    const std::int64_t ahead_ms = start.ms() - read_clocks().wall_ms;
    if (ahead_ms <= config.max_skew_ms / 2) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(ahead_ms - config.max_skew_ms / 2, kLeaseWaitMsMax)));
  }

  std::optional<std::string> status(std::chrono::milliseconds timeout) override { return engine_thread->status(timeout); }
  ClientReply read(const Request& request) override {
    ClientReply out = readers->answer(request);
    complete(out);
    return out;
  }
  std::unique_ptr<Snapshot> snapshot() override { return store->snapshot(); }
  std::uint32_t shard_count() const override { return facts.shard_count.load(); }
  const Meters& meters() const override { return measured; }
  const Config& configuration() const override { return config; }
  const std::string& client_address() const override { return client_told; }

  // Any thread.  The time of a reply is above all that the reply can have seen.
  Timestamp cluster_time() const {
    const Timestamp wall = Timestamp::at_ms(std::clamp<std::int64_t>(read_clocks().wall_ms, 0, Timestamp::kMillisecondsMax));
    return std::max(Timestamp{facts.time.load()}, wall);
  }

  void complete(ClientReply& reply) const {
    reply.time = cluster_time();
    reply.node = config.name;
  }

  void on_joined(const EngineStatus& status) {
    try {
      directory.remember({status.node, status.name, status.cluster});
    } catch (const DataDirectoryError& error) {
      // The store knows it too; the file is for people and for a check at the next start.
      log(LogLevel::kWarning, error.what());
    }
    ready(config.name + " ready: clients " + client_told + ", peers " + peer_told + ", cluster " + status.cluster_name + " (" +
          to_hex(status.cluster.value) + "), data " + config.data);
  }

  void take(Ticket ticket, Request request) {
    if (request.op == ClientOp::kBackup) {
      backups->submit(ticket, request);
    } else if (answers_reads(request.op)) {
      take_read(ticket, std::move(request));
    } else {
      engine_thread->submit(ticket, std::move(request));
    }
  }

  void take_read(Ticket ticket, Request request) {
    if (auto refused = refuse_level(request)) return front.reply(ticket, *std::move(refused));
    const bool asks = request.replicas > 1 || (request.replicas == kAsTheTable && facts.some_reads_ask_others);
    if (asks && may_ask_others(request.op) && request.table != kSystemTable && !check_names(request)) {
      engine_thread->submit(ticket, std::move(request));
    } else {
      readers->submit(ticket, std::move(request));
    }
  }

  const Config config;
  const std::optional<Restored> restored;
  DataDirectory directory;
  Faults faults;
  EngineFacts facts;
  ScrubCounters scrubbed;
  Meters measured;
  Transport transport;
  Front front;
  const std::string client_told;
  const std::string peer_told;
  Worker beside;  // Of the store.
  std::unique_ptr<LmdbStore> store;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<EngineThread> engine_thread;
  std::unique_ptr<ReaderPool> readers;
  std::unique_ptr<redis::Port> redis;
  std::unique_ptr<Backups> backups;
  std::unique_ptr<Scrub> scrub;
  std::unique_ptr<Seeds> seeds;
  std::function<void(const std::string&)> ready;
  std::string failure;
  std::thread thread;
};

Node::Node(const Config& config) {
  try {
    impl_ = std::make_unique<Impl>(config);
  } catch (const DataDirectoryError& error) {
    throw NodeError(error.what());
  } catch (const RestoreError& error) {
    throw NodeError(error.what());
  } catch (const ListenError& error) {
    throw NodeError(error.what());
  } catch (const StoreError& error) {
    throw NodeError(std::string("the store in ") + config.data + " cannot be used: " + error.what());
  }
}

Node::~Node() {
  if (!impl_) return;
  stop();
  (void)join();
}

Window& Node::window() { return *impl_; }

void Node::start(std::function<void(const std::string&)> ready, std::function<void()> finished,
                 const std::vector<std::pair<std::string, std::string>>& ports) {
  impl_->ready = std::move(ready);
  const std::string redis = impl_->redis ? impl_->redis->address() : "";
  std::vector<std::pair<std::string, std::string>> more = ports;
  if (!redis.empty()) more.emplace_back("redis", redis);
  const std::string bound_client = impl_->front.address(), bound_peer = impl_->transport.address();
  if (bound_client != impl_->client_told) more.emplace_back("bound_client", bound_client);
  if (bound_peer != impl_->peer_told) more.emplace_back("bound_peer", bound_peer);
  impl_->directory.write_addresses(impl_->client_told, impl_->peer_told, more);
  log(LogLevel::kInfo, "listening: clients " + impl_->client_told + ", peers " + impl_->peer_told + (redis.empty() ? "" : ", redis " + redis));
  impl_->front.start([this](Ticket ticket, Request request) { impl_->take(ticket, std::move(request)); });
  if (impl_->redis) impl_->redis->start();
  impl_->start_scrub();
  impl_->start_seeds();
  impl_->thread = std::thread([this, finished = std::move(finished)] {
    impl_->failure = impl_->engine_thread->run();
    finished();
  });
}

bool Node::refused() const { return impl_->engine_thread->refused(); }

void Node::stop() {
  impl_->front.refuse_new();
  if (impl_->redis) impl_->redis->refuse_new();
  impl_->engine_thread->stop();
}

void Node::hurry() { impl_->engine_thread->hurry(); }

std::string Node::join() {
  if (!impl_->thread.joinable()) return impl_->failure;
  impl_->thread.join();
  impl_->scrub.reset();
  impl_->seeds.reset();
  impl_->backups->stop();
  impl_->directory.remove_addresses();
  // After a failure nothing more is said: what is not answered may or may not be on the disk.
  if (impl_->failure.empty()) {
    impl_->front.refuse_new();
    (void)impl_->front.drain(kDrainMost);
    if (impl_->redis) {
      impl_->redis->refuse_new();
      (void)impl_->redis->drain(kDrainMost);
    }
  }
  impl_->front.stop();
  if (impl_->redis) impl_->redis->stop();
  impl_->readers.reset();
  if (impl_->failure.empty()) impl_->failure = impl_->engine_thread->left_behind();
  return impl_->failure;
}

}  // namespace kith
