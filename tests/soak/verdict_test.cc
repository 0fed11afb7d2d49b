// tests/soak/verdict_test.cc -- a verdict is worth what it notices: each sort of loss, and of what may look like one.
#include "tests/soak/verdict.h"

#include <doctest/doctest.h>

namespace kith::soak {
namespace {

struct Case {
  Write& did(Deed deed, Promise promise = Promise::kCertain, std::uint8_t node = 0) {
    Write write;
    write.deed = deed;
    write.promise = promise;
    write.node = node;
    write.tag = {Timestamp{++time}, ActorId{1}};
    write.answered = Timestamp{time};
    write.key = deed == Deed::kSet ? "own" : deed == Deed::kIncrement ? "count" : "set";
    if (deed == Deed::kAdd || deed == Deed::kRemove) write.member = "x";
    write.value = "v" + std::to_string(time);
    write.amount = 10;
    pending.push_back(write);
    return pending.back();
  }
  Verdict verdict(const Shown& shown) {
    History history;
    for (const Write& write : pending) history.add(write);
    for (const DiskReturn& back : returns) history.add(back);
    return judge(history, shown);
  }

  std::uint64_t time = 0;
  std::vector<Write> pending;
  std::vector<DiskReturn> returns;
};

Shown with_x() {
  Shown out;
  out.sets["set"] = {"x"};
  return out;
}
Shown with_value(const std::string& key, const std::string& value) {
  Shown out;
  out.registers[key] = value;
  return out;
}
Shown with_count(std::int64_t count) {
  Shown out;
  out.counters["count"] = count;
  return out;
}

TEST_CASE("verdict: an element that was added is there, and one that was removed is not") {
  Case added;
  added.did(Deed::kAdd);
  CHECK(added.verdict(with_x()).good());
  CHECK(added.verdict({}).lost.size() == 1);

  Case removed;
  removed.did(Deed::kAdd);
  removed.did(Deed::kRemove);
  CHECK(removed.verdict({}).good());
  CHECK(removed.verdict(with_x()).came_back.size() == 1);
}

TEST_CASE("verdict: what nobody ever added is found") { CHECK(Case().verdict(with_x()).came_back.size() == 1); }

TEST_CASE("verdict: a write of which nobody knows allows both, until one is certain again") {
  Case unsure;
  unsure.did(Deed::kAdd);
  unsure.did(Deed::kRemove, Promise::kMaybe);
  CHECK(unsure.verdict({}).good());
  CHECK(unsure.verdict(with_x()).good());
  unsure.did(Deed::kAdd);
  CHECK(unsure.verdict({}).lost.size() == 1);
}

TEST_CASE("verdict: what was on one disk only may be gone when that disk went back, and not else") {
  Case one;
  one.did(Deed::kAdd, Promise::kOneDisk, 2);
  CHECK(one.verdict({}).lost.size() == 1);
  one.returns = {{.node = 1, .others_held = Timestamp{0}, .at = Timestamp{100}}};  // Another one.
  CHECK(one.verdict({}).lost.size() == 1);
  one.returns = {{.node = 2, .others_held = Timestamp{5}, .at = Timestamp{100}}};  // It had spread.
  CHECK(one.verdict({}).lost.size() == 1);
  one.returns = {{.node = 2, .others_held = Timestamp{0}, .at = Timestamp{0}}};  // It was written later.
  CHECK(one.verdict({}).lost.size() == 1);
  one.returns = {{.node = 2, .others_held = Timestamp{0}, .at = Timestamp{100}}};
  const Verdict gone = one.verdict({});
  CHECK(gone.good());
  CHECK(gone.may_be_gone == 1);
  CHECK(gone.gone == 1);
  CHECK(one.verdict(with_x()).good());
}

TEST_CASE("verdict: what a quorum had is not excused by a disk that went back") {
  Case certain;
  certain.did(Deed::kAdd, Promise::kCertain, 2);
  certain.returns = {{.node = 2, .others_held = Timestamp{0}, .at = Timestamp{100}}};
  CHECK(certain.verdict({}).lost.size() == 1);
}

TEST_CASE("verdict: a register shows its last value, or a later one that may have happened") {
  Case own;
  own.did(Deed::kSet);                    // v1
  own.did(Deed::kSet);                    // v2
  own.did(Deed::kSet, Promise::kMaybe);   // v3
  CHECK(own.verdict(with_value("own", "v2")).good());
  CHECK(own.verdict(with_value("own", "v3")).good());
  CHECK(own.verdict(with_value("own", "v1")).lost.size() == 1);
  CHECK(own.verdict({}).lost.size() == 1);
}

TEST_CASE("verdict: of a register with several writers the greatest tag wins, in whatever order they were answered") {
  Case shared;
  for (const std::uint64_t at : {30, 10, 20}) {
    Write& write = shared.did(Deed::kSet, at == 20 ? Promise::kMaybe : Promise::kCertain);
    write.key = "shared-1";
    write.tag.at = Timestamp{at};
    write.value = "v" + std::to_string(at);
  }
  CHECK(shared.verdict(with_value("shared-1", "v30")).good());
  CHECK(shared.verdict(with_value("shared-1", "v10")).lost.size() == 1);
  CHECK(shared.verdict(with_value("shared-1", "v20")).lost.size() == 1);
}

TEST_CASE("verdict: a counter is exact, but for increments of which nobody knows") {
  Case count;
  count.did(Deed::kIncrement);
  count.did(Deed::kIncrement);
  CHECK(count.verdict(with_count(20)).good());
  CHECK(count.verdict(with_count(30)).counters.size() == 1);
  CHECK(count.verdict(with_count(10)).counters.size() == 1);
  CHECK(count.verdict({}).counters.size() == 1);
  count.did(Deed::kIncrement, Promise::kMaybe).amount = -4;
  CHECK(count.verdict(with_count(20)).good());
  CHECK(count.verdict(with_count(16)).good());
  CHECK(count.verdict(with_count(24)).counters.size() == 1);
}

}  // namespace
}  // namespace kith::soak
