// tests/gossip/tables_test.cc -- the rules of tables: what they say, who hears of them, what they refuse.
#include "gossip/tables.h"

#include <doctest/doctest.h>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

const std::string kUuid = "0d5d3807-5fbf-4228-a657-5a091c4e497f";

Operation describe(const std::string& table, TableAttributes attributes, Describe how = Describe::kCreate) {
  Operation out;
  out.verb = Verb::kHashSet;
  out.table = table;
  out.key = kTablesKey;
  out.fields = std::move(attributes);
  out.describe = how;
  return out;
}

Operation in(const std::string& table, Operation operation) {
  operation.table = table;
  return operation;
}

// As a node has them on disk.
std::string attribute_at(Network& network, const std::string& node, const std::string& table, const std::string& attribute) {
  Row row;
  const CellKey cell{std::string(kSystemTable), std::string(kTablesKey), Kind::kHash, table_field(table, attribute)};
  if (network.node(node).store->snapshot()->get(kSystemShard, cell, row) != Snapshot::Lookup::kFound) return "(none)";
  return row.content.as_register().value().value_or("(deleted)");
}

TEST_CASE("tables: a proper UUID4 is one in lower case, of version 4, and nothing else") {
  CHECK(proper_uuid4(kUuid));
  CHECK(proper_uuid4("00000000-0000-4000-8000-000000000000"));
  CHECK(proper_uuid4("ffffffff-ffff-4fff-bfff-ffffffffffff"));
  for (const char* none : {"", "12345", "0D5D3807-5FBF-4228-A657-5A091C4E497F", "0d5d3807-5fbf-1228-a657-5a091c4e497f",
                           "0d5d3807-5fbf-4228-c657-5a091c4e497f", "0d5d3807-5fbf-4228-7657-5a091c4e497f", "0d5d38075fbf4228a6575a091c4e497f",
                           "{0d5d3807-5fbf-4228-a657-5a091c4e497f}", "0d5d3807-5fbf-4228-a657-5a091c4e497g", "0d5d3807-5fbf-4228-a657-5a091c4e497",
                           "0d5d3807-5fbf-4228-a657-5a091c4e497f ", "0d5d3807_5fbf-4228-a657-5a091c4e497f"}) {
    CAPTURE(none);
    CHECK_FALSE(proper_uuid4(none));
  }
  std::string with_nul = kUuid;
  with_nul[3] = '\0';
  CHECK_FALSE(proper_uuid4(with_nul));
}

TEST_CASE("tables: attributes are read as they are written, and what is none says what is wanted") {
  TableRules rules;
  for (const auto& [name, text] : TableAttributes{{"keys", "uuid4"}, {"kinds", "hash,set"}, {"quorum", "2/3"}, {"read", "one"}, {"write", "quorum"}}) {
    CHECK_FALSE(take_attribute(rules, name, text));
  }
  CHECK(rules.keys == KeyRule::kUuid4);
  CHECK(rules.kinds == std::vector<Kind>{Kind::kSet, Kind::kHash});
  CHECK(attributes_of(rules) == TableAttributes{{"keys", "uuid4"}, {"kinds", "set,hash"}, {"quorum", "2/3"}, {"read", "one"}, {"write", "quorum"}});
  const TableRules before = rules;
  for (const auto& [name, text, words] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"keys", "uuid5", "any or uuid4"}, {"kinds", "", "register, set, hash and counter"}, {"kinds", "set,set", "each once"},
           {"kinds", "set,", "each once"}, {"kinds", "list", "register"}, {"quorum", "1/2", "majority or 2/3"}, {"write", "0", "one, quorum, all"},
           {"write", "1025", "1 to 1024"}, {"write", "-1", "one"}, {"write", "2x", "one"}, {"read", "some", "one, quorum, all"}, {"color", "red", "no attribute"}}) {
    CAPTURE(name);
    CAPTURE(text);
    const auto problem = take_attribute(rules, name, text);
    REQUIRE(problem);
    CHECK(problem->find(words) != std::string::npos);
    CHECK(rules == before);
  }
  CHECK(level_from("1024") == 1024);
  CHECK(level_from("1") == level_from("one"));
  CHECK(level_text(3) == "3");
}

TEST_CASE("tables: without rules everything is taken, with them each node refuses what they forbid") {
  Network network;
  begin_cluster(network, 2);
  CHECK(network.operate("n1", in("t", set("12345", "v"))).outcome == Outcome::kOk);
  const Reply made = network.operate("n1", describe("t", {{"keys", "uuid4"}, {"kinds", "register,set"}}));
  CHECK(made.outcome == Outcome::kOk);
  CHECK(made.changed == 5);
  REQUIRE(network.run_until([&] { return network.all_equal(); }));
  for (const char* node : {"n1", "n2"}) {
    Reply reply = network.operate(node, in("t", set("12345", "v")));
    CHECK(reply.code == Refusal::kBadKey);
    CHECK(reply.message == "Key is not a proper UUID4");
    CHECK(network.operate(node, in("t", del("12345"))).code == Refusal::kBadKey);
    reply = network.operate(node, in("t", hset(kUuid, "f", "v")));
    CHECK(reply.code == Refusal::kBadKind);
    CHECK(reply.message.find("table 't' takes no hash") != std::string::npos);
    CHECK(network.operate(node, in("t", set(kUuid, "v"))).outcome == Outcome::kOk);
    CHECK(network.operate(node, in("t", sadd(kUuid, {"m"}))).outcome == Outcome::kOk);
    CHECK(network.operate(node, in("other", set("12345", "v"))).outcome == Outcome::kOk);
  }
}

TEST_CASE("tables: rules are there after a restart, and a node that joins later hears of them") {
  Network network;
  begin_cluster(network, 2);
  network.operate("n1", describe("t", {{"keys", "uuid4"}}));
  REQUIRE(network.run_until([&] { return network.all_equal(); }));
  network.kill("n2");
  network.start("n2");
  network.run_ms(100);
  CHECK(network.operate("n2", in("t", set("k", "v"))).code == Refusal::kBadKey);
  network.add("n3", "n2");
  network.start("n3");
  REQUIRE(network.run_until([&] { return network.node("n3").engine->status({}).introduced && network.all_equal(); }));
  CHECK(network.operate("n3", in("t", set("k", "v"))).code == Refusal::kBadKey);
}

TEST_CASE("tables: creating one again with the same rules changes nothing, with others it is refused, and altering changes them") {
  Network network;
  begin_cluster(network, 1);
  CHECK(network.operate("n1", describe("t", {{"keys", "uuid4"}})).changed == 5);
  Reply reply = network.operate("n1", describe("t", {{"keys", "uuid4"}}));
  CHECK(reply.outcome == Outcome::kOk);
  CHECK(reply.changed == 0);
  reply = network.operate("n1", describe("t", {}));
  CHECK(reply.outcome == Outcome::kRefused);
  reply = network.operate("n1", describe("t", {{"keys", "any"}}));
  CHECK(reply.code == Refusal::kTableExists);
  CHECK(reply.message.find("kith table alter") != std::string::npos);
  CHECK(network.operate("n1", describe("t", {{"keys", "any"}}, Describe::kAlter)).changed == 1);
  CHECK(network.operate("n1", in("t", set("k", "v"))).outcome == Outcome::kOk);
  CHECK(network.operate("n1", describe("u", {{"keys", "any"}}, Describe::kAlter)).code == Refusal::kNoTable);
  CHECK(network.operate("n1", describe("u", {{"keys", "some"}})).code == Refusal::kLimit);
  CHECK(network.operate("n1", describe("_kith", {{"keys", "any"}})).code == Refusal::kBadName);
  CHECK(network.operate("n1", describe("a/b", {{"keys", "any"}})).code == Refusal::kBadName);
}

// Goal: of two creations one stands as a whole; of two alterations each attribute is the later one's.
TEST_CASE("tables: created or altered differently on two sides of a partition they are the same on both afterwards") {
  Network network;
  begin_cluster(network, 2);
  network.cut("n1", "n2");
  network.operate("n1", describe("t", {{"keys", "uuid4"}, {"write", "quorum"}}));
  network.run_ms(20);
  network.operate("n2", describe("t", {{"kinds", "register"}, {"write", "all"}}));
  CHECK(network.operate("n1", in("t", set("12345", "v"))).code == Refusal::kBadKey);
  CHECK(network.operate("n2", in("t", set("12345", "v"))).outcome == Outcome::kOk);
  network.heal();
  REQUIRE(network.run_until([&] { return network.all_equal(); }));
  for (const char* node : {"n1", "n2"}) {
    CAPTURE(node);
    CHECK(attribute_at(network, node, "t", "keys") == "any");  // The later creation's, with what it did not say.
    CHECK(attribute_at(network, node, "t", "kinds") == "register");
    CHECK(attribute_at(network, node, "t", "write") == "all");
    CHECK(network.operate(node, in("t", sadd("12345", {"m"}))).code == Refusal::kBadKind);
  }
  network.cut("n1", "n2");
  network.operate("n1", describe("t", {{"write", "one"}, {"keys", "uuid4"}}, Describe::kAlter));
  network.run_ms(20);
  network.operate("n2", describe("t", {{"write", "quorum"}}, Describe::kAlter));
  network.heal();
  REQUIRE(network.run_until([&] { return network.all_equal(); }));
  for (const char* node : {"n1", "n2"}) {
    CHECK(attribute_at(network, node, "t", "keys") == "uuid4");
    CHECK(attribute_at(network, node, "t", "write") == "quorum");
    CHECK(network.operate(node, in("t", set("12345", "w"))).code == Refusal::kBadKey);
  }
  // What was taken in before stays: rows are joined whatever the rules say.
  Row row;
  const CellKey cell{"t", "12345", Kind::kRegister, ""};
  CHECK(network.node("n1").store->snapshot()->get(shard_of(cell, 4), cell, row) == Snapshot::Lookup::kFound);
}

TEST_CASE("tables: a write that says no level waits for what the table says") {
  Network network;
  network.add("n1").setup.replicas = 3;
  network.start("n1");
  for (const char* name : {"n2", "n3"}) {
    network.add(name, "n1");
    network.start(name);
  }
  REQUIRE(network.run_until([&] {
    return network.node("n3").engine->status({}).introduced && network.node("n2").engine->status({}).introduced && network.all_settled();
  }));
  network.operate("n1", describe("most", {{"write", "quorum"}}));
  network.operate("n1", describe("every", {{"write", "all"}}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  const auto replicas = [&](const std::string& table, std::uint32_t level) {
    Operation operation = in(table, set(kUuid, "v"));
    operation.replicas = level;
    const Reply reply = network.operate("n1", operation);
    CHECK(reply.outcome == Outcome::kOk);
    return reply.replicas.size();
  };
  CHECK(replicas("none", kAsTheTable) == 1);
  CHECK(replicas("most", kAsTheTable) == 2);
  CHECK(replicas("every", kAsTheTable) == 3);
  CHECK(replicas("every", 1) == 1);
  CHECK(replicas("none", kQuorumReplicas) == 2);
  CHECK(replicas("none", kAllReplicas) == 3);

  // Not reached in time: safe here, and said so.
  network.cut("n1", "n2");
  network.cut("n1", "n3");
  Operation alone = in("most", set(kUuid, "w"));
  alone.replicas = kAsTheTable;
  alone.timeout_ms = 300;
  const Reply reply = network.operate("n1", alone);
  CHECK(reply.outcome == Outcome::kStored);
  CHECK(reply.replicas == std::vector<std::string>{"n1"});
  CHECK(reply.message == "durable on 1 of the 2 replicas asked for; it will spread to the others");
}

TEST_CASE("tables: rules that were asked for when the millisecond was used up come a millisecond later") {
  Network network;
  begin_cluster(network, 1);
  const Timestamp now = network.node("n1").engine->status({network.now_ms(), 0}).now;
  // A tag with the counter full: the next commit has to wait.
  network.operate("n1", tagged(set("k", "v"), Tag{Timestamp{now.value | 0xffff}, ActorId{9}}));
  CHECK(network.operate("n1", describe("t", {{"keys", "uuid4"}})).outcome == Outcome::kOk);
  CHECK(network.operate("n1", in("t", set("k", "v"))).code == Refusal::kBadKey);
}

TEST_CASE("tables: fields that nobody writes change nothing (other attributes, values, names)") {
  Tables tables;
  const auto merge = [&](const std::string& field, const std::string& value) {
    Content content(Kind::kHash);
    const Tag tag{Timestamp::at_ms(1000), ActorId{1}};
    const Content delta(content.as_register().set(value, tag, {tag.at, OriginId{1}}));
    return tables.merge({std::string(kSystemTable), std::string(kTablesKey), Kind::kHash, field}, delta);
  };
  CHECK(merge("t/color", "red"));
  CHECK(merge("t/keys", "uuid7"));
  CHECK(merge("/keys", "uuid4"));
  CHECK(merge("nothing", "uuid4"));
  CHECK(merge("_kith/keys", "uuid4"));
  TableRules expected;
  expected.described = true;
  CHECK(tables.rules("t") == expected);
  CHECK(tables.rules("_kith") == TableRules{});
  CHECK(merge("t/write", "all"));
  CHECK(tables.rules("t").write == kAllReplicas);
  CHECK_FALSE(tables.merge(member_cell(NodeId{1}), Content(Kind::kHash)));
}

}  // namespace
}  // namespace kith::test
