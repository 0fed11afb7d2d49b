// tests/gossip/audit_test.cc -- clocks agree, rows do not: found in rounds, repaired row by row.
#include <doctest/doctest.h>

#include "crdt/limits.h"
#include "gossip/core.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr ShardId kShard = 2;

// n1 to n<count>, of which the last is down and its disk is gone; what it says is for the test to put into its mouth.
struct Stage {
  explicit Stage(int count, EngineOptions options = {}) : network(options) {
    network.options.collect = false;  // Else one comes to close the lost member's life, and pulls rows whole that are to be repaired.
    begin_cluster(network, count);
    const std::string last = "n" + std::to_string(count);
    puppet.emplace(network, last);
    network.kill(last);
    for (int i = 1; i < count; ++i) names.push_back("n" + std::to_string(i));
    tap.emplace(network);
  }

  // An add of the lost member that reaches only `name`, behind a gap that nobody can fill.
  void add_behind_gap(const std::string& name, const std::string& to_key, const std::string& member) {
    feed_behind_gap(name, to_key, [&](Timestamp at) { return plain_add(to_key, member, puppet->origin, at); });
  }
  void feed_behind_gap(const std::string& name, const std::string& to_key,
                       const std::function<CellBlock(Timestamp)>& cells) {
    const Timestamp at = time_of(network, 0, ++counted);
    PushBody push;
    push.parts.push_back({shard_of("t", to_key, 4), just_before(at), at, cells(at)});
    network.feed(name, puppet->says(push));
  }
  std::uint64_t sum(const std::string& counter) const {
    std::uint64_t out = 0;
    for (const auto& name : names) out += network.counter(name, counter);
    return out;
  }
  std::uint64_t audit_bytes() const {
    return sum("sent_audit_bytes") + sum("sent_buckets_bytes") + sum("sent_repair_bytes") + sum("sent_repaired_bytes");
  }
  bool noted(const std::string& name, const std::string& words) {
    const auto& notes = network.node(name).notes;
    return std::any_of(notes.begin(), notes.end(),
                       [&](const auto& note) { return note.find(words) != std::string::npos; });
  }

  Network network;
  std::vector<std::string> names;  // Of those that are up.
  std::optional<Puppet> puppet;
  std::optional<Tap> tap;
  std::string key = key_in(kShard);
  std::uint64_t counted = 0;
};

// A disk with all that `from` has but the row under `without`: rows, sums and clocks as sound as can be.
std::unique_ptr<MemoryStore> copy_without(const MemoryStore& from, const StoreKey& without) {
  StoreBatch batch;
  const auto snapshot = from.snapshot();
  for (const auto& name : {meta::kNodeId, meta::kNodeName, meta::kClusterId, meta::kClusterName, meta::kShardCount,
                           meta::kOrigin, meta::kLease}) {
    if (const auto value = snapshot->meta(name)) batch.set_meta(name, *value);
  }
  for (const ShardId shard : snapshot->shards()) {
    for (const auto& [origin, at] : snapshot->held(shard)) batch.hold(shard, origin, at);
    snapshot->scan(shard_prefix(shard), {}, [&](const StoreKey& key, const Row* row) {
      REQUIRE(row != nullptr);
      if (key != without) batch.merge(shard, row->cell, row->content);
      return true;
    });
  }
  auto out = std::make_unique<MemoryStore>();
  (void)out->commit(batch);
  REQUIRE(out->verify().empty());
  return out;
}

// ---- Why there is an audit

// Goal: the history that clocks cannot see.
// Method: n1 commits three times in one shard; the second push is lost for everybody, the third reaches n2 only; then
//         n1's disk is destroyed.  While audits are lost, all is in sync and n3 lacks the element for good.
TEST_CASE("audit: an entry from behind a gap that nobody can fill any more reaches everybody") {
  Network network;
  begin_cluster(network, 3);
  const std::string key = key_in(kShard);
  Tap tap(network);
  int push = 0;
  tap.pass = [&](const Tap::Sent& sent) {
    if (sent.from != "n1") return true;
    return std::holds_alternative<PushBody>(sent.envelope.body) && (push == 1 || (push == 3 && sent.to == "n2"));
  };
  for (const char* member : {"c1", "c2", "c3"}) {
    ++push;
    REQUIRE(network.operate("n1", sadd(key, {member})).outcome == Outcome::kOk);
    network.run_ms(20);
  }
  network.kill("n1");
  tap.pass = nullptr;
  tap.lose = {"audit"};
  network.run_ms(100'000);
  REQUIRE(held(network, "n2", kShard) == held(network, "n3", kShard));
  CHECK(network.counter("n2", "rounds_in_sync") > 20);
  CHECK(network.members_of("n2", key) == std::vector<std::string>{"c1", "c3"});
  CHECK(network.members_of("n3", key) == std::vector<std::string>{"c1"});

  const auto clock = held(network, "n3", kShard);
  tap.lose.clear();
  // An audit of which many were lost is waited for as long as a minute.
  REQUIRE(network.run_until([&] { return network.all_settled(); }, 150'000));
  CHECK(network.members_of("n3", key) == std::vector<std::string>{"c1", "c3"});
  CHECK(held(network, "n3", kShard) == clock);  // Repair moves no clock.
  CHECK(network.counter("n3", "rows_repaired") == 1);
  CHECK(network.counter("n2", "rows_repaired") == 0);
  const auto& notes = network.node("n3").notes;
  CHECK(notes.back().find("1 row was repaired from n2") != std::string::npos);
}

TEST_CASE("audit: a removal from behind a gap takes the element away everywhere") {
  Stage stage(3);
  REQUIRE(stage.network.operate("n1", sadd(stage.key, {"tea"})).outcome == Outcome::kOk);
  REQUIRE(stage.network.run_until([&] { return stage.network.present("n2", stage.key, "tea"); }));
  const CellKey cell{"t", stage.key, Kind::kSet, "tea"};
  Row row;
  REQUIRE(stage.network.node("n1").store->snapshot()->get(kShard, cell, row) == Snapshot::Lookup::kFound);
  stage.feed_behind_gap("n1", stage.key, [&](Timestamp at) {
    CellBlock out;
    out.append(cell, Content(row.content.as_set_element().remove({at, actor_of(stage.puppet->origin)},
                                                                 {at, stage.puppet->origin})));
    return out;
  });
  REQUIRE_FALSE(stage.network.present("n1", stage.key, "tea"));
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  CHECK_FALSE(stage.network.present("n2", stage.key, "tea"));
  CHECK(stage.network.counter("n2", "rows_repaired") == 1);
}

TEST_CASE("audit: each side gets what only the other has, in any number of shards") {
  Stage stage(4);
  for (ShardId shard = 0; shard < 4; ++shard) {
    for (const auto& name : stage.names) stage.add_behind_gap(name, key_in(shard), "of " + name);
  }
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  for (const auto& name : stage.names) {
    for (ShardId shard = 0; shard < 4; ++shard) CHECK(stage.network.members_of(name, key_in(shard)).size() == 3);
    CHECK(stage.network.counter(name, "rows_repaired") == 8);
  }
}

// Goal: a clock that claims too much, after a row was lost in silence, is not believed for ever.
// Method: n1's disk is replaced by one with the same clocks and all rows but one, whose sums fit.
TEST_CASE("audit: a row that a disk lost in silence comes back from a peer, and a member's record with the whole table, without one") {
  for (const bool of_data : {true, false}) {
    CAPTURE(of_data);
    Stage stage(4);
    REQUIRE(stage.network.operate("n2", sadd(stage.key, {"one", "two"})).outcome == Outcome::kOk);
    REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
    const StoreKey lost = of_data ? store_key(kShard, {"t", stage.key, Kind::kSet, "one"})
                                  : store_key(kSystemShard, member_cell(stage.puppet->node));
    auto& n1 = stage.network.node("n1");
    stage.network.kill("n1");
    n1.store = copy_without(*n1.store, lost);
    stage.network.start("n1");
    stage.tap->lose = {"audit"};
    stage.network.run_ms(60'000);
    Row row;
    REQUIRE(n1.store->snapshot()->get(lost, row) == (of_data ? Snapshot::Lookup::kMissing : Snapshot::Lookup::kFound));
    stage.tap->lose.clear();
    REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
    CHECK(n1.store->snapshot()->get(lost, row) == Snapshot::Lookup::kFound);
    CHECK(stage.network.counter("n1", "rows_repaired") == (of_data ? 1 : 0));
    CHECK(n1.store->verify().empty());
  }
}

// ---- When, and when not

TEST_CASE("audit: what is under way for a moment costs none") {
  Stage stage(3);
  stage.add_behind_gap("n1", stage.key, "late");
  REQUIRE(stage.network.run_until([&] { return stage.sum("rounds_content_differing") > 0; }));
  // The same push, once more: now to n2.
  stage.network.feed("n2", stage.puppet->says([&] {
    const Timestamp at = time_of(stage.network, 0, 1);
    Row row;
    const CellKey cell{"t", stage.key, Kind::kSet, "late"};
    REQUIRE(stage.network.node("n1").store->snapshot()->get(kShard, cell, row) == Snapshot::Lookup::kFound);
    PushBody push;
    push.parts.push_back({kShard, just_before(at), at, {}});
    push.parts[0].cells.append(cell, row.content);
    return push;
  }()));
  REQUIRE(stage.network.all_equal());
  stage.network.run_ms(60'000);
  CHECK(stage.sum("audits_begun") == 0);
}

TEST_CASE("audit: equal nodes never audit (100 rounds in silence, then 1,000 writes at three nodes)") {
  Network network;
  begin_cluster(network, 3);
  const auto sum = [&](const std::string& counter) {
    return network.counter("n1", counter) + network.counter("n2", counter) + network.counter("n3", counter);
  };
  REQUIRE(network.operate("n1", sadd("likes", {"tea"})).outcome == Outcome::kOk);
  network.run_ms(1000);
  const std::uint64_t began = sum("rounds_in_sync"), differing = sum("rounds_content_differing");
  REQUIRE(network.run_until([&] { return sum("rounds_in_sync") >= began + 100; }, 200'000));
  CHECK(sum("rounds_content_differing") == differing);
  CHECK(sum("audits_begun") == 0);
  for (int i = 0; i < 1000; ++i) {
    network.submit("n" + std::to_string(1 + i % 3), sadd("k" + std::to_string(i % 7), {std::to_string(i)}));
    network.run_ms(13);
  }
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  MESSAGE("while writing: ", sum("rounds_in_sync"), " rounds in sync, ", sum("rounds_content_differing"),
          " with other rows, ", sum("audits_begun"), " audits");
  CHECK(sum("audits_begun") <= 3);
}

TEST_CASE("audit: a difference that lasts is found while others write") {
  Stage stage(4);
  stage.add_behind_gap("n1", stage.key, "old");
  for (int i = 0; i < 1000 && !stage.network.all_equal(); ++i) {
    const std::string& name = stage.names[static_cast<std::size_t>(i) % 3];
    stage.network.submit(name, sadd("k" + std::to_string(i % 7), {std::to_string(i)}));
    stage.network.run_ms(50);
  }
  CHECK(stage.network.present("n2", stage.key, "old"));
  CHECK(stage.network.present("n3", stage.key, "old"));
}

TEST_CASE("audit: a node that tells no root is not audited") {
  PuppetStage stage;
  REQUIRE(stage.network.run_until([&] { return stage.tap->last<SummaryBody>("n1", "n2").has_value(); }));
  const auto summary = *stage.tap->last<SummaryBody>("n1", "n2");
  REQUIRE(summary.root.has_value());
  for (int i = 0; i < 20; ++i) {
    stage.feed(SummaryBody{summary.digest, time_of(stage.network)});
    stage.network.run_ms(1000);
  }
  CHECK(stage.network.counter("n1", "rounds_in_sync") >= 20);
  CHECK(stage.network.counter("n1", "rounds_content_differing") == 0);
  CHECK(stage.tap->count("audit") == 0);
}

// Goal: a difference that cannot be repaired does not cost as much as one that can, for ever.
TEST_CASE("audit: a difference that outlasts an audit waits longer for the next") {
  PuppetStage stage;
  REQUIRE(stage.network.run_until([&] { return stage.tap->last<SummaryBody>("n1", "n2").has_value(); }));
  const auto summary = *stage.tap->last<SummaryBody>("n1", "n2");
  std::uint64_t answered = 0;
  for (int i = 0; i < 600; ++i) {
    stage.feed(SummaryBody{summary.digest, time_of(stage.network), *summary.root + 1});
    if (const auto audit = stage.tap->last<AuditBody>("n1", "n2"); audit && audit->nonce != answered) {
      answered = audit->nonce;
      stage.feed(BucketsBody{audit->nonce, {}});
    }
    stage.network.run_ms(1000);
  }
  CHECK(stage.tap->count("audit") >= 10);  // After 1, 1, 2, 4, 8, 16, 32, 64, 64, ... seconds.
  CHECK(stage.tap->count("audit") <= 20);
  CHECK(stage.network.counter("n1", "audits_completed") == stage.tap->count("audit"));
}

// ---- What it costs

TEST_CASE("audit: one difference among 10,000 rows of a shard moves at most three buckets' worth of rows") {
  Stage stage(3);
  constexpr std::size_t kRows = 10'000;
  const std::uint64_t bytes_before = stage.network.counter("n1", "row_bytes_changed");
  for (std::size_t i = 0; i < kRows;) {
    std::vector<std::string> members;
    for (; members.size() < 1000; ++i) members.push_back("member-" + std::to_string(i));
    REQUIRE(stage.network.operate("n1", sadd(stage.key, members)).outcome == Outcome::kOk);
  }
  const std::uint64_t row_bytes = (stage.network.counter("n1", "row_bytes_changed") - bytes_before) / kRows;
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  stage.add_behind_gap("n1", stage.key, "one more");
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  CHECK(stage.network.present("n2", stage.key, "one more"));
  CHECK(stage.sum("rows_repaired") == 1);
  MESSAGE(stage.audit_bytes(), " bytes both ways, rows of ", row_bytes, " bytes, ", stage.sum("rows_sent_for_repair"),
          " sent");
  CHECK(stage.audit_bytes() <= 3 * (kRows / kFingerprintBuckets) * row_bytes);
}

TEST_CASE("audit: answers of one row and of one shard at a time come to the end") {
  EngineOptions options;
  options.answer_bytes_max = 1;
  Stage stage(3, options);
  for (int i = 0; i < 40; ++i) {
    const std::string& name = stage.names[static_cast<std::size_t>(i % 2)];
    stage.add_behind_gap(name, "key" + std::to_string(i), "m");
  }
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  CHECK(stage.sum("rows_repaired") == 40);
  CHECK(stage.network.counter("n1", "rows_repaired") == 20);
  for (const auto& sent : stage.tap->sent) {
    if (const auto* buckets = std::get_if<BucketsBody>(&sent.envelope.body)) CHECK(buckets->parts.size() <= 1);
    if (const auto* rows = std::get_if<RepairedBody>(&sent.envelope.body)) CHECK(rows->cells.read()->size() <= 1);
  }
}

// ---- Loss, strangers, damage

TEST_CASE("audit: a lost message of each type is made up for later") {
  for (const char* type : {"audit", "buckets", "repair", "repaired"}) {
    CAPTURE(type);
    Stage stage(3);
    stage.add_behind_gap("n1", stage.key, "x");
    stage.add_behind_gap("n2", stage.key, "y");
    std::size_t lost = 0;
    stage.tap->pass = [&](const Tap::Sent& sent) {
      return type_name(sent.envelope.body) != std::string_view(type) || ++lost > 3;
    };
    REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
    CHECK(lost > 3);
    CHECK(stage.sum("audits_unanswered") >= 2);
    CHECK(stage.network.members_of("n1", stage.key) == std::vector<std::string>{"x", "y"});
  }
}

// Goal: where every tenth answer is lost, and each has room for one row, an audit comes to the end of a bucket of forty all the same.
TEST_CASE("audit: an answer that is lost on the way through a bucket is asked for again") {
  EngineOptions options;
  options.answer_bytes_max = 1;
  Stage stage(3, options);
  std::vector<std::string> members;
  const std::size_t bucket = bucket_of({"t", stage.key, Kind::kSet, "0"});
  for (int i = 1; members.size() < 40; ++i) {
    const std::string member = std::to_string(i);
    if (bucket_of({"t", stage.key, Kind::kSet, member}) == bucket) members.push_back(member);
  }
  const auto at = [&](const std::string& member) { return store_key(shard_of("t", stage.key, 4), {"t", stage.key, Kind::kSet, member}); };
  std::sort(members.begin(), members.end(), [&](const auto& a, const auto& b) { return at(a) < at(b); });
  const std::string last = members.back();
  members.pop_back();
  REQUIRE(stage.network.operate("n1", sadd(stage.key, members)).outcome == Outcome::kOk);
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  stage.add_behind_gap("n1", stage.key, last);
  std::size_t answers = 0;
  stage.tap->pass = [&](const Tap::Sent& sent) { return !std::holds_alternative<RepairedBody>(sent.envelope.body) || ++answers % 10 != 0; };
  REQUIRE(stage.network.run_until([&] { return stage.network.present("n2", stage.key, last); }, 300'000));
}

// Goal: links slower than the timeout do not keep nodes from ever repairing.
TEST_CASE("audit: patience grows with answers that do not come in time") {
  EngineOptions options;
  options.pull_timeout_ms = 20;
  Stage stage(3, options);
  stage.network.delay_ms = 400;
  stage.add_behind_gap("n1", stage.key, "x");
  REQUIRE(stage.network.run_until([&] { return stage.network.present("n2", stage.key, "x"); }, 300'000));
  CHECK(stage.sum("audits_unanswered") >= 2);
  CHECK(stage.sum("dropped_unasked_buckets") >= 1);
}

// n1 audits a puppet: its root differs from n1's for long enough.
struct Audited : PuppetStage {
  Audited() {
    REQUIRE(network.run_until([&] { return tap->last<SummaryBody>("n1", "n2").has_value(); }));
    const auto summary = *tap->last<SummaryBody>("n1", "n2");
    for (int i = 0; i < 5 && tap->count("audit") == 0; ++i) {
      feed(SummaryBody{summary.digest, time_of(network), *summary.root + 1});
      network.run_ms(1000);
    }
    REQUIRE(tap->count("audit") == 1);
    audit = *tap->last<AuditBody>("n1", "n2");
  }
  // Sums that differ from n1's in the bucket of the cell.
  BucketsBody buckets_with(const std::string& member) {
    BucketsBody out{audit.nonce, {{kShard, network.node("n1").store->snapshot()->buckets(kShard)}}};
    out.parts[0].sums[bucket_of({"t", key, Kind::kSet, member})] += 1;
    return out;
  }
  RepairedBody rows(std::uint64_t nonce, const std::string& member) {
    return {nonce, kShard, plain_add(key, member, puppet->origin, puppet->now()), {}, true};
  }
  bool has(const std::string& member) { return network.present("n1", key, member); }

  AuditBody audit;
  std::string key = key_in(kShard);
};

TEST_CASE("audit: an answer counts only for the question outstanding, and from whom it was put to") {
  Audited it;
  CHECK(it.audit.roots.size() == 5);  // Four shards and the members'.
  it.feed(BucketsBody{it.audit.nonce + 1, {}});
  it.feed(it.rows(it.audit.nonce, "tea"));  // The nonce of the other question.
  CHECK(it.network.counter("n1", "dropped_unasked_buckets") == 1);
  CHECK(it.network.counter("n1", "dropped_unasked_repaired") == 1);
  it.feed(it.buckets_with("tea"));
  const auto repair = it.tap->last<RepairBody>("n1", "n2");
  REQUIRE(repair.has_value());
  CHECK(repair->shard == kShard);
  CHECK(repair->buckets.count() == 1);
  CHECK(repair->after.empty());
  it.feed(it.buckets_with("tea"));  // Twice.
  CHECK(it.network.counter("n1", "dropped_unasked_buckets") == 2);
  it.feed(it.rows(repair->nonce + 1, "tea"));
  CHECK(it.network.counter("n1", "dropped_unasked_repaired") == 2);
  CHECK_FALSE(it.has("tea"));
  it.feed(it.rows(repair->nonce, "tea"));
  CHECK(it.has("tea"));
  CHECK(it.network.counter("n1", "audits_completed") == 1);
  it.feed(it.rows(repair->nonce, "tea"));
  CHECK(it.network.counter("n1", "dropped_unasked_repaired") == 3);
  CHECK(it.network.counter("n1", "rows_repaired") == 1);
}

TEST_CASE("audit: an answer that is not of what was asked changes nothing") {
  Audited it;
  it.feed(it.buckets_with("tea"));
  const RepairBody repair = *it.tap->last<RepairBody>("n1", "n2");
  std::string other = "coffee";
  while (repair.buckets[bucket_of({"t", it.key, Kind::kSet, other})]) other += 'e';
  std::vector<RepairedBody> bad;
  bad.push_back(it.rows(repair.nonce, other));  // Another bucket.
  bad.push_back(it.rows(repair.nonce, "tea"));
  bad.back().shard = kShard + 1;
  bad.push_back(it.rows(repair.nonce, "tea"));
  bad.back().cells = CellBlock("nonsense");
  bad.push_back(it.rows(repair.nonce, "tea"));
  bad.back().cells.append(plain_add(key_in(kShard + 1), "tea", it.puppet->origin, it.puppet->now()));
  std::uint64_t dropped = 0;
  for (const auto& body : bad) {
    it.feed(body);
    CHECK(it.network.counter("n1", "dropped_bad_cells") == ++dropped);
  }
  // Going round in circles.
  RepairedBody forward = it.rows(repair.nonce, "tea");
  forward.end = false;
  forward.next = store_key(kShard, {"t", it.key, Kind::kSet, "tea"});
  it.feed(forward);
  CHECK(it.has("tea"));
  const RepairBody further = *it.tap->last<RepairBody>("n1", "n2");
  CHECK(further.after == forward.next);
  CHECK(further.nonce != repair.nonce);
  forward.nonce = further.nonce;
  it.feed(forward);
  CHECK(it.network.counter("n1", "dropped_bad_cells") == dropped + 1);
  CHECK_FALSE(it.has(other));
  CHECK(it.network.counter("n1", "rows_repaired") == 1);
}

TEST_CASE("audit: shards that the cluster does not have are not read") {
  Audited it;
  BucketsBody buckets{it.audit.nonce, {}};
  for (const ShardId shard : {ShardId{4}, ShardId{4095}}) buckets.parts.push_back({shard, {}});
  buckets.parts.back().sums[7] = 7;
  it.feed(buckets);
  CHECK(it.tap->count("repair") == 0);
  it.feed(AuditBody{77, {{4, 1}, {4095, 1}}});
  const auto answer = it.tap->last<BucketsBody>("n1", "n2");
  REQUIRE(answer.has_value());
  CHECK(answer->nonce == 77);
  CHECK(answer->parts.empty());
  RepairBody repair{78, 4095, {}, std::string(kStoreKeyBytesMax, '\xff')};
  repair.buckets.set();
  it.feed(repair);
  const auto rows = it.tap->last<RepairedBody>("n1", "n2");
  REQUIRE(rows.has_value());
  CHECK(rows->nonce == 78);
  CHECK(rows->end);
  CHECK(rows->cells.empty());
}

TEST_CASE("audit: who is asked for rows asks for the same in return, once a shard") {
  PuppetStage stage;
  RepairBody repair{77, kShard, {}, {}};
  repair.buckets.set(3);
  repair.back = true;
  stage.feed(repair);  // In return for what we asked.
  CHECK(stage.tap->count("repair") == 0);
  repair.back = false;
  repair.after = store_key(kShard, {"t", "a", Kind::kSet, ""});
  stage.feed(repair);  // Further on in it.
  CHECK(stage.tap->count("repair") == 0);
  repair.after.clear();
  stage.feed(repair);
  REQUIRE(stage.tap->count("repair") == 1);
  const auto asked = *stage.tap->last<RepairBody>("n1", "n2");
  CHECK(asked.back);
  CHECK(asked.shard == kShard);
  CHECK(asked.buckets == repair.buckets);
  repair.shard = kShard + 1;
  stage.feed(repair);
  CHECK(stage.tap->count("repair") == 1);  // One question at a time.
  CHECK(stage.tap->count("repaired") == 4);
  stage.feed(RepairedBody{asked.nonce, kShard, {}, {}, true});
  REQUIRE(stage.tap->count("repair") == 2);
  CHECK(stage.tap->last<RepairBody>("n1", "n2")->shard == kShard + 1);
  stage.feed(RepairedBody{stage.tap->last<RepairBody>("n1", "n2")->nonce, kShard + 1, {}, {}, true});
  CHECK(stage.tap->count("repair") == 2);
  CHECK(stage.network.counter("n1", "audits_returned") == 1);
  CHECK(stage.network.counter("n1", "audits_begun") == 0);
}

TEST_CASE("audit: a question is forgotten when its peer begins a new life") {
  Stage stage(3);
  stage.tap->lose = {"audit"};
  stage.add_behind_gap("n1", stage.key, "x");
  REQUIRE(stage.network.run_until([&] { return stage.network.counter("n1", "audits_begun") == 1; }));
  const std::string peer = stage.tap->last<AuditBody>("n1", "n2").has_value() ? "n2" : "n3";
  const auto audit = stage.tap->last<AuditBody>("n1", peer);
  REQUIRE(audit.has_value());
  stage.network.kill(peer);
  stage.network.start(peer);
  stage.tap->lose.clear();
  stage.network.run_ms(50);
  Puppet puppet(stage.network, peer);
  stage.network.feed("n1", puppet.says(BucketsBody{audit->nonce, {}}));
  CHECK(stage.network.counter("n1", "dropped_unasked_buckets") == 1);
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
}

TEST_CASE("audit: a shard with a damaged row, here or there, is left out until that is mended") {
  for (const std::string damaged : {"n1", "n2"}) {
    CAPTURE(damaged);
    Stage stage(3);
    REQUIRE(stage.network.operate("n1", sadd(stage.key, {"one"})).outcome == Outcome::kOk);
    REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
    stage.tap->lose = {"fetch"};
    const StoreKey row = store_key(kShard, {"t", stage.key, Kind::kSet, "one"});
    REQUIRE(stage.network.node(damaged).store->flip_bit(Database::kCells, row, 200));
    stage.network.input(damaged, RowDamaged{row});
    const std::string elsewhere = key_in(kShard + 1);
    stage.add_behind_gap("n1", stage.key, "x");
    stage.add_behind_gap("n1", elsewhere, "y");
    stage.network.run_ms(60'000);
    CHECK_FALSE(stage.network.present("n2", stage.key, "x"));
    CHECK(stage.network.present("n2", elsewhere, "y"));
    stage.tap->lose.clear();
    REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }, 200'000));
    CHECK(stage.network.present("n2", stage.key, "x"));
    CHECK(stage.network.node(damaged).engine->status({}).rows_damaged == 0);
  }
}

// Goal: damage that nobody knew of is found on the way, at either side, and neither sent nor written over.
TEST_CASE("audit: damage met on the way is reported, and the rest is repaired") {
  for (const std::string damaged : {"n1", "n2"}) {
    CAPTURE(damaged);
    Stage stage(3);
    REQUIRE(stage.network.operate("n1", sadd(stage.key, {"one"})).outcome == Outcome::kOk);
    REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
    std::string beside = "x";  // In the bucket of the damaged one.
    const std::size_t bucket = bucket_of({"t", stage.key, Kind::kSet, "one"});
    while (bucket_of({"t", stage.key, Kind::kSet, beside}) != bucket) beside += 'x';
    stage.add_behind_gap("n1", stage.key, beside);
    stage.tap->lose = {"fetch"};
    const StoreKey row = store_key(kShard, {"t", stage.key, Kind::kSet, "one"});
    REQUIRE(stage.network.node(damaged).store->flip_bit(Database::kCells, row, 200));
    REQUIRE(stage.network.run_until([&] { return stage.network.present("n2", stage.key, beside); }));
    CHECK(stage.network.counter(damaged, "rows_found_damaged") == 1);
    stage.tap->lose.clear();
    REQUIRE(stage.network.run_until([&] {
      return stage.network.node(damaged).engine->status({}).rows_damaged == 0 && stage.network.all_settled();
    }));
    for (const auto& name : stage.names) CHECK(stage.network.present(name, stage.key, "one"));
  }
}

}  // namespace
}  // namespace kith::test
