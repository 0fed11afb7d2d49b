// tests/gossip/message_fields_test.cc -- each field of each message: of its type, within its limit, and nothing else.
#include <doctest/doctest.h>

#include "crdt/limits.h"
#include "gossip/sketch.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

FrameError error_of(std::string_view frame) {
  Envelope out;
  return decode(frame, out);
}

constexpr char kNumber = 'n', kText = 't', kBin = 'b', kBoolean = 'o', kArray = 'a';

struct Field {
  char type;
  std::string good;
  bool optional = false;
};
Field number(std::uint64_t value) { return {kNumber, pack::number(value)}; }
Field text(std::string_view value) { return {kText, pack::text(value)}; }
Field bin(std::string_view value) { return {kBin, pack::bin(value)}; }
Field boolean() { return {kBoolean, pack::boolean(true)}; }

std::vector<std::string> wrong_for(char type) {
  std::vector<std::string> out = {"\xc0", "\xff", from_hex("ca 3f c0 00 00"), pack::map({})};  // Nil, -1, 1.5, a map.
  if (type != kNumber) out.push_back(pack::number(1));
  if (type != kText) out.push_back(pack::text("1"));
  if (type != kBin) out.push_back(pack::bin("1"));
  if (type != kBoolean) out.push_back(pack::boolean(true));
  if (type != kArray) out.push_back(pack::array({}));
  return out;
}

// A body: its fields, of which one may be an array of arrays (`part`) at `part_at`.
struct Shape {
  std::string name;
  std::uint64_t type;
  std::vector<Field> fields;
  int part_at = -1;
  std::vector<Field> part = {};
  std::vector<std::uint64_t> keys = {};  // Empty: 0, 1, 2 and so on.
};

std::vector<std::string> goods(const std::vector<Field>& fields) {
  std::vector<std::string> out;
  for (const Field& field : fields) out.push_back(field.good);
  return out;
}

Field array_of(const std::vector<Field>& part) { return {kArray, pack::array({pack::array(goods(part))})}; }

std::vector<Shape> shapes() {
  const std::string clock = from_hex("000000000000000a 0000000000000001"), key = "abc";
  const std::vector<Field> push{number(2), number(0), number(5), bin("")}, digests{number(2), number(5)};
  const std::vector<Field> pull{number(2), number(0), number(5), bin(clock)};
  const std::vector<Field> rows{number(2), number(5), boolean(), boolean(), bin(clock), bin("")};
  const std::vector<Field> mended{number(2), bin("")};
  const Field keys{kArray, pack::array({pack::bin(key)})};
  Field nonce = number(9);
  nonce.optional = true;
  Field spread = boolean(), relayed = array_of({number(1), number(2), number(3), number(0), array_of(push)}), after = number(4);
  spread.optional = relayed.optional = after.optional = true;
  // The last commit, the place of the first member, the lags of one.
  Field root = number(3), back = boolean(), standing = bin(from_hex("0000000000000005 00 01 00")), promise = number(2);
  root.optional = back.optional = standing.optional = promise.optional = true;
  Field cells = number(7), until = bin(key + "d"), counters = bin(std::string(8, 'c')), sketch = bin(std::string(40, 's'));
  cells.optional = until.optional = counters.optional = sketch.optional = true;
  const std::string roots = from_hex("0002 0000000000000005 ffff 0000000000000000");
  const std::vector<Field> buckets{number(2), bin(std::string(2048, 's'))};
  Field window = number(1000);
  window.optional = true;
  Field rumours = bin(from_hex("00 0000000000000001 0000000000000002 00"));
  rumours.optional = true;
  return {{"join", 0, {text("n2"), text("n2:2"), text(""), number(0), number(9), window}},
          {"welcome", 1, {text("kith"), number(4), number(9), window}},
          {"refuse", 2, {text("code"), text("sentence"), number(9)}},
          {"push", 3, {array_of(push), nonce, spread, relayed, after}, 0, push},
          {"ack", 4, {number(9)}},
          {"summary", 5, {number(1), number(2), root, standing}},
          {"agreed", 6, {number(1), number(2), root, standing}},
          {"digests", 7, {array_of(digests), promise, standing}, 0, digests, {0, 1, 3}},
          {"pull", 8, {number(9), array_of(pull)}, 1, pull},
          {"rows", 9, {number(9), array_of(rows), number(2)}, 1, rows},
          {"fetch", 10, {keys}},
          {"mended", 11, {array_of(mended), keys}, 0, mended},
          {"stopping", 12, {}},
          {"audit", 13, {number(9), bin(roots)}},
          {"buckets", 14, {number(9), array_of(buckets)}, 1, buckets},
          {"repair", 15, {number(9), number(2), bin(std::string(32, 'b')), bin(key), back}},
          {"repaired", 16, {number(9), number(2), bin(""), bin(key), {kBoolean, pack::boolean(false)}}},
          {"superseded", 17, {number(7), number(8), number(9)}},
          {"rebase, sums", 18, {number(9), number(2), bin(std::string(2048, 's')), bin(""), cells}, -1, {}, {0, 1, 2, 4, 5}},
          {"rebase, buckets", 18, {number(9), number(2), bin(std::string(32, 'b')), bin(key), cells, until}, -1, {}, {0, 1, 3, 4, 5, 6}},
          {"rebase, counters", 18, {number(9), number(2), bin(std::string(32, 'b')), bin(key), until, counters}, -1, {}, {0, 1, 3, 4, 6, 7}},
          {"rebased", 19, {number(9), number(2), bin(std::string(32, 'b')), bin(""), bin(key), {kBoolean, pack::boolean(false)},
                           boolean(), bin(clock), sketch}},
          {"probe", 23, {number(0), number(9), number(0), rumours}, -1, {}, {0, 1, 2, 4}},
          {"probe of a third", 23, {number(2), number(9), number(0), number(7), rumours}}};
}

pack::Fields envelope_fields(std::uint64_t type, std::string body) {
  return {{0, pack::number(0xc1)}, {1, pack::number(0x51)}, {2, pack::number(0x0a)},   {3, pack::number(3)},
          {4, pack::number(0)},    {5, pack::number(6)},    {6, pack::number(7)},      {7, pack::number(8)},
          {8, pack::number(type)}, {9, std::move(body)},    {10, pack::bin("members")}, {11, pack::number(2)}};
}
std::string frame_of(std::uint64_t type, const std::string& body) {
  return framed(pack::map(envelope_fields(type, body)));
}

pack::Fields numbered(const Shape& shape) {
  pack::Fields out;
  for (std::size_t i = 0; i < shape.fields.size(); ++i) {
    out.emplace_back(shape.keys.empty() ? i : shape.keys[i], shape.fields[i].good);
  }
  return out;
}

TEST_CASE("message: each field of each body may be what it is and nothing else") {
  for (const Shape& shape : shapes()) {
    CAPTURE(shape.name);
    const pack::Fields good = numbered(shape);
    REQUIRE(error_of(frame_of(shape.type, pack::map(good))) == FrameError::kNone);
    for (std::size_t i = 0; i < good.size(); ++i) {
      CAPTURE(i);
      pack::Fields bad = good;
      for (const auto& wrong : wrong_for(shape.fields[i].type)) {
        CAPTURE(hex_of(wrong));
        bad[i].second = wrong;
        CHECK(error_of(frame_of(shape.type, pack::map(bad))) == FrameError::kBody);
      }
      bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(i));
      CHECK(error_of(frame_of(shape.type, pack::map(bad))) ==
            (shape.fields[i].optional ? FrameError::kNone : FrameError::kBody));
    }
    // Not a map at all.
    if (!good.empty()) CHECK(error_of(frame_of(shape.type, pack::array(goods(shape.fields)))) == FrameError::kBody);
    CHECK(error_of(frame_of(shape.type, pack::number(1))) == FrameError::kBody);
  }
}

TEST_CASE("message: each place in the parts of a body may be what it is and nothing else") {
  for (const Shape& shape : shapes()) {
    if (shape.part_at < 0) continue;
    CAPTURE(shape.name);
    pack::Fields fields = numbered(shape);
    const auto with = [&](const std::vector<std::string>& part) {
      fields[static_cast<std::size_t>(shape.part_at)].second = pack::array({pack::array(part)});
      return error_of(frame_of(shape.type, pack::map(fields)));
    };
    const std::vector<std::string> good = goods(shape.part);
    CHECK(with(good) == FrameError::kNone);
    for (std::size_t i = 0; i < good.size(); ++i) {
      CAPTURE(i);
      for (const auto& wrong : wrong_for(shape.part[i].type)) {
        CAPTURE(hex_of(wrong));
        std::vector<std::string> bad = good;
        bad[i] = wrong;
        CHECK(with(bad) == FrameError::kBody);
      }
    }
    std::vector<std::string> shorter = good, longer = good;
    shorter.pop_back();
    longer.push_back(pack::number(1));
    CHECK(with(shorter) == FrameError::kBody);
    CHECK(with(longer) == FrameError::kBody);
    // The shard: below the limit, or the members'.
    for (const auto& [shard, error] : {std::pair<std::uint64_t, FrameError>{kShardsMax - 1, FrameError::kNone},
                                       {kShardsMax, FrameError::kBody},
                                       {kSystemShard, FrameError::kNone},
                                       {std::uint64_t{kSystemShard} + 1, FrameError::kBody},
                                       {std::uint64_t{1} << 32, FrameError::kBody}}) {
      std::vector<std::string> part = good;
      part[0] = pack::number(shard);
      CHECK(with(part) == error);
    }
  }
}

TEST_CASE("message: each place in what a push relays may be what it is and nothing else") {
  const std::vector<Field> part{number(2), number(0), number(5), bin("")};
  const std::vector<Field> life{number(1), number(2), number(3), number(0), array_of(part)};
  const auto with = [&](const std::vector<std::string>& it) {
    return error_of(frame_of(3, pack::map({{0, pack::array({})}, {3, pack::array({pack::array(it)})}})));
  };
  const auto with_part = [&](const std::vector<std::string>& it) {
    auto values = goods(life);
    values[4] = pack::array({pack::array(it)});
    return with(values);
  };
  CHECK(with(goods(life)) == FrameError::kNone);
  CHECK(with_part(goods(part)) == FrameError::kNone);
  for (std::size_t i = 0; i < life.size(); ++i) {
    CAPTURE(i);
    for (const auto& wrong : wrong_for(life[i].type)) {
      CAPTURE(hex_of(wrong));
      auto bad = goods(life);
      bad[i] = wrong;
      CHECK(with(bad) == FrameError::kBody);
    }
    // No node, no origin, no start: nobody.  No floor: it has none yet.
    auto none = goods(life);
    none[i] = pack::number(0);
    CHECK(with(none) == (i == 3 ? FrameError::kNone : FrameError::kBody));
  }
  for (std::size_t i = 0; i < part.size(); ++i) {
    CAPTURE(i);
    for (const auto& wrong : wrong_for(part[i].type)) {
      CAPTURE(hex_of(wrong));
      auto bad = goods(part);
      bad[i] = wrong;
      CHECK(with_part(bad) == FrameError::kBody);
    }
  }
  for (const auto& fields : {goods(life), goods(part)}) {
    auto shorter = fields, longer = fields;
    shorter.pop_back();
    longer.push_back(pack::number(1));
    CHECK(with(shorter) == FrameError::kBody);
    CHECK(with(longer) == FrameError::kBody);
    CHECK(with_part(shorter) == FrameError::kBody);
    CHECK(with_part(longer) == FrameError::kBody);
  }
  auto backwards = goods(part);
  backwards[1] = backwards[2];
  CHECK(with_part(backwards) == FrameError::kBody);
  CHECK(error_of(frame_of(3, pack::map({{3, pack::array({})}}))) == FrameError::kBody);  // Own parts are always there.
}

TEST_CASE("message: each field of the envelope may be what it is and nothing else") {
  const std::string body = pack::map({{0, pack::number(9)}});
  const pack::Fields good = envelope_fields(4, body);
  REQUIRE(error_of(framed(pack::map(good))) == FrameError::kNone);
  for (std::size_t i = 0; i < good.size(); ++i) {
    CAPTURE(i);
    const FrameError expected = i == 9 ? FrameError::kBody : FrameError::kEnvelope;
    pack::Fields bad = good;
    for (const auto& wrong : wrong_for(i == 10 ? kBin : kNumber)) {
      if (i == 9 && wrong == pack::map({})) continue;
      CAPTURE(hex_of(wrong));
      bad[i].second = wrong;
      CHECK(error_of(framed(pack::map(bad))) == expected);
    }
    bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(error_of(framed(pack::map(bad))) == (i >= 10 ? FrameError::kNone : expected));
  }
  const auto with = [&](std::size_t field, std::uint64_t value) {
    pack::Fields fields = good;
    fields[field].second = pack::number(value);
    return error_of(framed(pack::map(fields)));
  };
  CHECK(with(0, 0) == FrameError::kNone);  // The cluster of one that joins.
  for (const std::size_t id : {1u, 2u, 3u}) CHECK(with(id, 0) == FrameError::kEnvelope);
  const auto wall_max = static_cast<std::uint64_t>(Timestamp::kMillisecondsMax);
  CHECK(with(6, wall_max) == FrameError::kNone);
  CHECK(with(6, wall_max + 1) == FrameError::kEnvelope);
  CHECK(with(6, ~std::uint64_t{0}) == FrameError::kEnvelope);
}

TEST_CASE("message: what a later version adds is skipped, and a type it adds is told apart") {
  const std::string body = pack::map({{0, pack::number(9)}, {7, pack::text("new")}, {200, pack::array({})}});
  pack::Fields fields = envelope_fields(4, body);
  fields.emplace_back(13, pack::text("new"));
  fields.emplace_back(15, pack::number(1));
  fields.emplace_back(16, pack::number(1));
  fields.emplace_back(1'000'000, pack::array({pack::number(1)}));
  Envelope out;
  REQUIRE(decode(framed(pack::map(fields)), out) == FrameError::kNone);
  CHECK(std::get<AckBody>(out.body).nonce == 9);
  for (const std::uint64_t type : {std::uint64_t{24}, std::uint64_t{25}, std::uint64_t{1} << 40}) {
    CHECK(error_of(frame_of(type, pack::map({}))) == FrameError::kUnknownType);
    CHECK(error_of(frame_of(type, pack::text("not even a map"))) == FrameError::kUnknownType);
  }
}

TEST_CASE("message: keys given twice, bytes behind the end, lying counts and nesting bombs are refused") {
  const std::string body = pack::map({{0, pack::number(9)}});
  CHECK(error_of(frame_of(4, pack::map({{0, pack::number(9)}, {0, pack::number(9)}}))) == FrameError::kMsgpack);
  pack::Fields twice = envelope_fields(4, body);
  twice.emplace_back(1, pack::number(1));
  CHECK(error_of(framed(pack::map(twice))) == FrameError::kMsgpack);
  CHECK(error_of(framed(pack::map(envelope_fields(4, body)) + std::string(1, '\0'))) == FrameError::kMsgpack);
  // Each header that counts, counting more than there is.
  for (const char* lie : {"9f", "8f", "bf", "dc ff ff", "dd ff ff ff ff", "de ff ff", "df ff ff ff ff", "c4 ff",
                          "c5 ff ff", "c6 ff ff ff ff", "d9 ff", "da ff ff", "db ff ff ff ff"}) {
    CAPTURE(lie);
    CHECK(error_of(frame_of(4, from_hex(lie))) == FrameError::kMsgpack);
  }
  std::string bomb = pack::number(1);
  for (int i = 0; i < 100'000; ++i) bomb = "\x91" + bomb;
  CHECK(error_of(frame_of(4, bomb)) == FrameError::kMsgpack);
}

TEST_CASE("message: limits and sense of single fields") {
  const auto body_error = [](std::uint64_t type, const pack::Fields& fields) {
    return error_of(frame_of(type, pack::map(fields)));
  };
  const auto join = [&](std::size_t name, std::size_t address, std::size_t cluster) {
    return body_error(0, {{0, pack::text(std::string(name, 'n'))}, {1, pack::text(std::string(address, 'a'))},
                          {2, pack::text(std::string(cluster, 'c'))}, {3, pack::number(0)}, {4, pack::number(1)}});
  };
  CHECK(join(kNodeNameBytesMax, kAddressBytesMax, kNodeNameBytesMax) == FrameError::kNone);
  CHECK(join(kNodeNameBytesMax + 1, 9, 9) == FrameError::kBody);
  CHECK(join(9, kAddressBytesMax + 1, 9) == FrameError::kBody);
  CHECK(join(9, 9, kNodeNameBytesMax + 1) == FrameError::kBody);
  CHECK(join(0, 9, 9) == FrameError::kBody);
  CHECK(join(9, 0, 9) == FrameError::kBody);

  const auto welcome = [&](std::uint64_t shards) {
    return body_error(1, {{0, pack::text("kith")}, {1, pack::number(shards)}, {2, pack::number(1)}});
  };
  const auto window_max = static_cast<std::uint64_t>(kRetryWindowMsMax);
  for (const std::uint64_t ms : {window_max - 1, window_max, window_max + 1, ~std::uint64_t{0}}) {
    CAPTURE(ms);
    const FrameError expected = ms <= window_max ? FrameError::kNone : FrameError::kBody;
    CHECK(body_error(0, {{0, pack::text("n2")}, {1, pack::text("n2:2")}, {2, pack::text("")}, {3, pack::number(0)}, {4, pack::number(1)},
                         {5, pack::number(ms)}}) == expected);
    CHECK(body_error(1, {{0, pack::text("kith")}, {1, pack::number(4)}, {2, pack::number(1)}, {3, pack::number(ms)}}) == expected);
  }
  CHECK(welcome(0) == FrameError::kBody);
  CHECK(welcome(1) == FrameError::kNone);
  CHECK(welcome(kShardsMax) == FrameError::kNone);
  CHECK(welcome(kShardsMax + 1) == FrameError::kBody);

  const auto refuse = [&](std::size_t code, std::size_t sentence) {
    return body_error(
        2,
        {{0, pack::text(std::string(code, 'c'))}, {1, pack::text(std::string(sentence, 's'))}, {2, pack::number(1)}});
  };
  CHECK(refuse(64, 1024) == FrameError::kNone);
  CHECK(refuse(65, 1) == FrameError::kBody);
  CHECK(refuse(1, 1025) == FrameError::kBody);

  const auto push = [&](std::uint64_t previous, std::uint64_t commit) {
    const auto part = pack::array({pack::number(2), pack::number(previous), pack::number(commit), pack::bin("")});
    return body_error(3, {{0, pack::array({part})}});
  };
  CHECK(push(0, 1) == FrameError::kNone);
  CHECK(push(4, 5) == FrameError::kNone);
  CHECK(push(5, 5) == FrameError::kBody);
  CHECK(push(6, 5) == FrameError::kBody);

  CHECK(body_error(8, {{0, pack::number(0)}, {1, pack::array({})}}) == FrameError::kBody);  // A pull without a nonce.
  const auto clock = [&](const char* hex) {
    const auto part = pack::array({pack::number(2), pack::number(0), pack::number(0), pack::bin(from_hex(hex))});
    return body_error(8, {{0, pack::number(1)}, {1, pack::array({part})}});
  };
  CHECK(clock("") == FrameError::kNone);
  CHECK(clock("000000000000000a 0000000000000001 000000000000000b 0000000000000001") == FrameError::kNone);
  CHECK(clock("000000000000000b 0000000000000001 000000000000000a 0000000000000001") ==
        FrameError::kBody);  // Unsorted.
  CHECK(clock("000000000000000a 0000000000000001 000000000000000a 0000000000000001") == FrameError::kBody);  // Twice.
  CHECK(clock("0000000000000000 0000000000000001") == FrameError::kBody);
  CHECK(clock("000000000000000a 0000000000000000") == FrameError::kBody);
  CHECK(clock("000000000000000a 00000000000000") == FrameError::kBody);  // Cut.
  CHECK(clock("000000000000000a") == FrameError::kBody);

  const auto fetch = [&](std::size_t size) {
    return body_error(10, {{0, pack::array({pack::bin(std::string(size, 'k'))})}});
  };
  CHECK(fetch(2) == FrameError::kBody);
  CHECK(fetch(3) == FrameError::kNone);
  CHECK(fetch(kStoreKeyBytesMax) == FrameError::kNone);
  CHECK(fetch(kStoreKeyBytesMax + 1) == FrameError::kBody);
}

TEST_CASE("message: limits and sense of what audits say") {
  const auto body_error = [](std::uint64_t type, const pack::Fields& fields) {
    return error_of(frame_of(type, pack::map(fields)));
  };
  const auto audit = [&](std::uint64_t nonce, const char* roots) {
    return body_error(13, {{0, pack::number(nonce)}, {1, pack::bin(from_hex(roots))}});
  };
  CHECK(audit(1, "") == FrameError::kNone);
  CHECK(audit(0, "") == FrameError::kBody);  // A question without a nonce.
  CHECK(audit(1, "0002 0000000000000005") == FrameError::kNone);
  CHECK(audit(1, "0002 00000000000005") == FrameError::kBody);  // Cut.
  CHECK(audit(1, "0002") == FrameError::kBody);
  CHECK(audit(1, "0002 0000000000000005 0003 0000000000000005 ffff 0000000000000005") == FrameError::kNone);
  CHECK(audit(1, "0003 0000000000000005 0002 0000000000000005") == FrameError::kBody);  // Unsorted.
  CHECK(audit(1, "0003 0000000000000005 0003 0000000000000005") == FrameError::kBody);  // Twice.
  CHECK(audit(1, "0fff 0000000000000005") == FrameError::kNone);
  CHECK(audit(1, "1000 0000000000000005") == FrameError::kBody);  // No such shard can be.

  const auto buckets = [&](std::size_t bytes) {
    const auto part = pack::array({pack::number(2), pack::bin(std::string(bytes, 's'))});
    return body_error(14, {{0, pack::number(1)}, {1, pack::array({part})}});
  };
  CHECK(buckets(2048) == FrameError::kNone);
  for (const std::size_t bytes : {0u, 2040u, 2047u, 2049u, 2056u}) CHECK(buckets(bytes) == FrameError::kBody);

  const auto repair = [&](std::uint64_t nonce, std::uint64_t shard, const std::string& bits, std::size_t after) {
    return body_error(15, {{0, pack::number(nonce)},
                           {1, pack::number(shard)},
                           {2, pack::bin(bits)},
                           {3, pack::bin(std::string(after, 'k'))}});
  };
  const std::string bits(32, 'b');
  CHECK(repair(1, 2, bits, 0) == FrameError::kNone);
  CHECK(repair(1, 2, bits, kStoreKeyBytesMax) == FrameError::kNone);
  CHECK(repair(1, 2, bits, kStoreKeyBytesMax + 1) == FrameError::kBody);
  CHECK(repair(0, 2, bits, 0) == FrameError::kBody);
  CHECK(repair(1, kSystemShard, bits, 0) == FrameError::kNone);
  CHECK(repair(1, kShardsMax, bits, 0) == FrameError::kBody);
  CHECK(repair(1, 2, std::string(31, 'b'), 0) == FrameError::kBody);
  CHECK(repair(1, 2, std::string(33, 'b'), 0) == FrameError::kBody);
  CHECK(repair(1, 2, "", 0) == FrameError::kBody);
  CHECK(repair(1, 2, std::string(32, '\0'), 0) == FrameError::kBody);  // Of no bucket.

  const auto repaired = [&](std::uint64_t shard, std::size_t next, bool end) {
    return body_error(16, {{0, pack::number(1)},
                           {1, pack::number(shard)},
                           {2, pack::bin("")},
                           {3, pack::bin(std::string(next, 'k'))},
                           {4, pack::boolean(end)}});
  };
  CHECK(repaired(2, 0, true) == FrameError::kNone);
  CHECK(repaired(2, kStoreKeyBytesMax, false) == FrameError::kNone);
  CHECK(repaired(2, kStoreKeyBytesMax + 1, false) == FrameError::kBody);
  CHECK(repaired(2, 0, false) == FrameError::kBody);  // Not at the end, and nowhere.
  CHECK(repaired(2, 3, true) == FrameError::kBody);
  CHECK(repaired(kShardsMax, 0, true) == FrameError::kBody);
}

TEST_CASE("message: limits and sense of a standing") {
  const auto read = [](const std::string& bytes, std::uint64_t promise = Timestamp::at_ms(1000).value) {
    Envelope out;
    const pack::Fields fields{{0, pack::number(1)}, {1, pack::number(promise)}, {3, pack::bin(bytes)}};
    return decode(frame_of(5, pack::map(fields)), out) == FrameError::kNone
               ? std::optional(std::get<SummaryBody>(out.body).standing) : std::nullopt;
  };
  const std::string last = from_hex("0000000000000005");
  const auto with = [&](const char* hex) { return read(last + from_hex(hex)); };
  CHECK(with("00") == Standing{Timestamp{5}, 0, {}});
  // Lags are in ms and one more: 0 is unknown.  One that would lie before the beginning of time is unknown, too.
  CHECK(with("02 01 00 65 e807 e907 ff01") ==
        Standing{Timestamp{5}, 2, {{Timestamp::at_ms(1000), {}}, {Timestamp::at_ms(900), Timestamp::at_ms(1)}, {{}, Timestamp::at_ms(746)}}});
  CHECK_FALSE(read("").has_value());
  CHECK_FALSE(read(last.substr(1)).has_value());
  CHECK_FALSE(read(last).has_value());                    // From which member on?
  CHECK_FALSE(with("80").has_value());                    // Cut.
  CHECK_FALSE(with("00 01").has_value());                 // Half a member.
  CHECK_FALSE(with("00 01 80").has_value());
  CHECK_FALSE(with("8000 01 01").has_value());            // Not the shortest form.
  CHECK(with("ff07").has_value());                        // The last of 1,024.
  CHECK_FALSE(with("8008").has_value());
  CHECK(read(last + '\0' + std::string(2 * kMembersMax, '\1')).has_value());
  CHECK_FALSE(read(last + '\0' + std::string(2 * kMembersMax + 2, '\1')).has_value());
  // Without a promise nothing is behind it.
  CHECK(read(last + from_hex("00 01 05"), 0) == Standing{Timestamp{5}, 0, {{}}});
}

TEST_CASE("message: limits and sense of what a rebase says") {
  const auto body_error = [](std::uint64_t type, const pack::Fields& fields) {
    return error_of(frame_of(type, pack::map(fields)));
  };
  const std::string bits(32, 'b'), sums(2048, 's');
  using Bytes = std::optional<std::string>;
  const auto rebase = [&](std::uint64_t nonce, std::uint64_t shard, const Bytes& two, const Bytes& three, std::size_t after) {
    pack::Fields fields{{0, pack::number(nonce)}, {1, pack::number(shard)}, {4, pack::bin(std::string(after, 'k'))}};
    if (two) fields.emplace_back(2, pack::bin(*two));
    if (three) fields.emplace_back(3, pack::bin(*three));
    return body_error(18, fields);
  };
  CHECK(rebase(1, 2, sums, {}, 0) == FrameError::kNone);
  CHECK(rebase(1, kSystemShard, {}, bits, kStoreKeyBytesMax) == FrameError::kNone);
  CHECK(rebase(1, 2, {}, bits, kStoreKeyBytesMax + 1) == FrameError::kBody);
  CHECK(rebase(0, 2, sums, {}, 0) == FrameError::kBody);
  CHECK(rebase(1, kShardsMax, sums, {}, 0) == FrameError::kBody);
  CHECK(rebase(1, 2, {}, {}, 0) == FrameError::kBody);
  CHECK(rebase(1, 2, sums, bits, 0) == FrameError::kBody);
  for (const std::size_t bytes : {0u, 2040u, 2047u, 2049u, 2056u}) {
    CHECK(rebase(1, 2, std::string(bytes, 's'), {}, 0) == FrameError::kBody);
  }
  for (const std::size_t bytes : {0u, 31u, 33u}) CHECK(rebase(1, 2, {}, std::string(bytes, 'b'), 0) == FrameError::kBody);
  CHECK(rebase(1, 2, {}, std::string(32, '\0'), 0) == FrameError::kBody);  // Of no bucket.

  const auto with = [&](const pack::Fields& more, bool first = false) {
    pack::Fields fields{{0, pack::number(1)}, {1, pack::number(2)}, {4, pack::bin(first ? "" : "kkk")}};
    fields.emplace_back(first ? 2 : 3, pack::bin(first ? sums : bits));
    fields.insert(fields.end(), more.begin(), more.end());
    return body_error(18, fields);
  };
  for (const bool first : {false, true}) {
    for (const std::uint64_t cells : {std::size_t{0}, std::size_t{1}, Sketch::kCellsMax}) {
      CHECK(with({{5, pack::number(cells)}}, first) == FrameError::kNone);
    }
    CHECK(with({{5, pack::number(Sketch::kCellsMax + 1)}}, first) == FrameError::kBody);
    CHECK(with({{5, pack::number(~std::uint64_t{0})}}, first) == FrameError::kBody);
  }
  CHECK(with({{6, pack::bin("kkl")}}) == FrameError::kNone);
  CHECK(with({{6, pack::bin(std::string(kStoreKeyBytesMax, 'k'))}}) == FrameError::kNone);
  CHECK(with({{6, pack::bin(std::string(kStoreKeyBytesMax + 1, 'k'))}}) == FrameError::kBody);
  CHECK(with({{6, pack::bin("kkk")}}) == FrameError::kBody);  // Not behind `after`.
  CHECK(with({{6, pack::bin("")}}) == FrameError::kBody);
  CHECK(with({{6, pack::bin("kkl")}}, true) == FrameError::kBody);
  CHECK(with({{7, pack::bin(from_hex("0000000000000001 0000000000000002 ffffffffffffffff"))}}) == FrameError::kNone);
  CHECK(with({{7, pack::bin("")}}) == FrameError::kBody);
  CHECK(with({{7, pack::bin(from_hex("0000000000000001 00000000000002"))}}) == FrameError::kBody);  // Cut.
  CHECK(with({{7, pack::bin(from_hex("0000000000000002 0000000000000001"))}}) == FrameError::kBody);  // Unsorted.
  CHECK(with({{7, pack::bin(from_hex("0000000000000002 0000000000000002"))}}) == FrameError::kBody);  // Twice.
  CHECK(with({{7, pack::bin(from_hex("0000000000000001"))}}, true) == FrameError::kBody);
  CHECK(with({{5, pack::number(1)}, {7, pack::bin(from_hex("0000000000000001"))}}) == FrameError::kBody);

  const auto rebased = [&](std::uint64_t shard, const std::string& buckets, std::size_t next, bool end, const char* clock) {
    return body_error(19, {{0, pack::number(1)},
                           {1, pack::number(shard)},
                           {2, pack::bin(buckets)},
                           {3, pack::bin("")},
                           {4, pack::bin(std::string(next, 'k'))},
                           {5, pack::boolean(end)},
                           {6, pack::boolean(true)},
                           {7, pack::bin(from_hex(clock))}});
  };
  CHECK(rebased(2, bits, 0, true, "") == FrameError::kNone);
  CHECK(rebased(2, std::string(32, '\0'), 0, true, "") == FrameError::kNone);  // Equal.
  CHECK(rebased(2, bits, kStoreKeyBytesMax, false, "000000000000000a 0000000000000001") == FrameError::kNone);
  CHECK(rebased(2, bits, kStoreKeyBytesMax + 1, false, "") == FrameError::kBody);
  CHECK(rebased(2, bits, 0, false, "") == FrameError::kBody);  // Not at the end, and nowhere.
  CHECK(rebased(2, bits, 3, true, "") == FrameError::kBody);
  CHECK(rebased(kShardsMax, bits, 0, true, "") == FrameError::kBody);
  CHECK(rebased(2, std::string(31, 'b'), 0, true, "") == FrameError::kBody);
  CHECK(rebased(2, bits, 0, true, "000000000000000a") == FrameError::kBody);
  const auto sketched = [&](std::size_t bytes, const std::string& cells = "") {
    return body_error(19, {{0, pack::number(1)}, {1, pack::number(2)}, {2, pack::bin(bits)}, {3, pack::bin(cells)}, {4, pack::bin("")},
                           {5, pack::boolean(true)}, {6, pack::boolean(true)}, {7, pack::bin("")}, {8, pack::bin(std::string(bytes, 's'))}});
  };
  CHECK(sketched(40) == FrameError::kNone);
  CHECK(sketched(40'000) == FrameError::kNone);
  for (const std::size_t bytes : {0u, 1u, 10u, 39u, 41u, 50u}) CHECK(sketched(bytes) == FrameError::kBody);
  CHECK(sketched(40, "cells") == FrameError::kBody);  // One or the other.
}

}  // namespace
}  // namespace kith::test
