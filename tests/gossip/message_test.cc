// tests/gossip/message_test.cc -- the bytes of messages: what is written is read, and nothing else is believed.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/gossip/frames.h"
#include "tests/gossip/network.h"

namespace kith::test {
namespace {

FrameError error_of(std::string_view frame) {
  Envelope out;
  return decode(frame, out);
}

// Whatever decodes can be used: read, described and written again.
bool usable(std::string_view frame) {
  Envelope out;
  if (decode(frame, out) != FrameError::kNone) return false;
  (void)out.members.read();
  (void)describe(std::string(frame));
  Envelope again;
  const std::string bytes = encode(out);
  REQUIRE(decode(bytes, again) == FrameError::kNone);
  REQUIRE(encode(again) == bytes);
  return true;
}

TEST_CASE("message: every type of body comes back as it went") {
  std::vector<bool> seen(std::variant_size_v<Body>);
  for (const Envelope& envelope : examples()) {
    CAPTURE(type_name(envelope.body));
    seen[envelope.body.index()] = true;
    const std::string bytes = encode(envelope);
    Envelope out;
    REQUIRE(decode(bytes, out) == FrameError::kNone);
    CHECK(out.cluster == envelope.cluster);
    CHECK(out.sender == envelope.sender);
    CHECK(out.origin == envelope.origin);
    CHECK(out.start == envelope.start);
    CHECK(out.floor == envelope.floor);
    CHECK(out.horizon == envelope.horizon);
    CHECK(out.hlc == envelope.hlc);
    CHECK(out.wall_ms == envelope.wall_ms);
    CHECK(out.members_version == envelope.members_version);
    CHECK(out.voted == envelope.voted);
    CHECK(out.members.bytes() == envelope.members.bytes());
    CHECK(out.body.index() == envelope.body.index());
    CHECK(hex_of(encode(out)) == hex_of(bytes));  // With the golden bytes below: no field is lost.
    CHECK(peek_sender(bytes) == envelope.sender);
  }
  CHECK(std::count(seen.begin(), seen.end(), false) == 0);
}

TEST_CASE("message: golden bytes of every type") {
  // 4 magic, 1 version, 8 checksum; the envelope up to its type; type and body (docs/WIRE.md takes one apart).
  static const std::string kGolden[] = {
      // join
      "4b495448 01 1228f40074719a8a"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "00098500a26e3201a46e323a3202a46b69746803040409",
      // welcome
      "4b495448 01 f01ed2b19f137ca1"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "01098300a46b69746801040209",
      // refuse
      "4b495448 01 c2df3778ea50b7b6"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "02098300aa6e616d655f74616b656e01ae63686f6f736520616e6f746865720209",
      // push
      "4b495448 01 2bfa1ec2048e57ae"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "03098100919402cf018bcfe569f40000cf018bcfe56a580001c421020174056c696b6573037465611301000000000000"
      "0000000a018bcfe56a580001",
      // push
      "4b495448 01 21c1cf31528893c4"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "03098200919402cf018bcfe569f40000cf018bcfe56a580001c421020174056c696b6573037465611301000000000000"
      "0000000a018bcfe56a5800010109",
      // ack
      "4b495448 01 dafe006875924016"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "0409810009",
      // summary
      "4b495448 01 65296d17a9791bb9"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "05098300ccd101cf018bcfe56a58000103c40d018bcfe569f400000001656500",
      // agreed
      "4b495448 01 b044ad97ee0c0ac6"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "06098300ccd101cf018bcfe56a58000103c40d018bcfe569f400000001656500",
      // digests
      "4b495448 01 1cda1e9b50585e79"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "07098300929202ccd292cdffffccd301cf018bcfe56a58000103c40d018bcfe569f400000001656500",
      // pull
      "4b495448 01 679b2542dfaca653"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "0809820009019294020b05c420000000000000000a018bcfe569f40000000000000000000b018bcfe56a580001940300"
      "00c400",
      // rows
      "4b495448 01 8bc5f4585d21530e"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "09098300090192960207c3c3c420000000000000000a018bcfe569f40000000000000000000b018bcfe56a580001c421"
      "020174056c696b65730374656113010000000000000000000a018bcfe56a580001960301c2c2c400c40002cf018bcfe5"
      "6a580001",
      // fetch
      "4b495448 01 a009bf95a9a90a30"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "0a09810091c411000274006c696b65730001027465610001",
      // mended
      "4b495448 01 3a21bd897a5ef39a"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "0b098200919202c421020174056c696b65730374656113010000000000000000000a018bcfe56a5800010191c4110002"
      "74006c696b65730001027465610001",
      // stopping
      "4b495448 01 90c0f4855b49bfcf"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "0c0980",
      // summary
      "4b495448 01 cacaf216e6af9e09"
      "8b00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "05098300ccd101cf018bcfe56a58000103c4090000000000000000000ac45003055f6b697468076d656d626572731030"
      "3030303030303030303030303035312f01000000000000000a018bcfe569f400008400a26e3101a46e313a3102a46e31"
      "3a320391920acf018bcfe568000000",
      // push, for the row too
      "4b495448 01 3d7ef97e1bd92f6c"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "03098300919402cf018bcfe569f40000cf018bcfe56a580001c421020174056c696b6573037465611301000000000000"
      "0000000a018bcfe56a580001010902c3",
      // push, relayed
      "4b495448 01 0bd6177b7788fcf4"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "0309820090039295520acf018bcfe569f40000cf018bcfe56a580001919402cf018bcfe569f40000cf018bcfe56a5800"
      "01c421020174056c696b65730374656113010000000000000000000a018bcfe56a58000195530bcf018bcfe569f40000"
      "cf018bcfe56a58000192940300cf018bcfe56a580001c4009403cf018bcfe56a580001cf018bcfe56a580002c400",
      // summary
      "4b495448 01 adc1deda014c88a4"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "05098400ccd101cf018bcfe56a58000102ccd403c409000000000000000000",
      // agreed
      "4b495448 01 03536dd95b183113"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "06098400ccd101cf018bcfe56a58000102ccd403c409000000000000000000",
      // audit
      "4b495448 01 537937b84958e751"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "0d0982000901c414000200000000000000d5ffff0000000000000000",
      // buckets: the first and the last sum are not zero
      std::string("4b495448 01 4c078e4f186d0941"
                  "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
                  "0e0982000901919202c5080000000000000000d6") +
          std::string(4078, '0') + "d7",
      // repair
      "4b495448 01 d72f010b99c92032"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "0f09840009010202c420010200000000000000000000000000000000000000000000000000000000008003c400",
      // repair, in return
      "4b495448 01 f113f3fad6017d49"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "0f09850009010202c420010200000000000000000000000000000000000000000000000000000000008003c411000274"
      "006c696b6573000102746561000104c3",
      // repaired
      "4b495448 01 09f577f54f59f3cb"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "1009850009010202c421020174056c696b65730374656113010000000000000000000a018bcfe56a58000103c4110002"
      "74006c696b6573000102746561000104c2",
      // repaired
      "4b495448 01 8d563de4d50a57ac"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "100985000901cdffff02c40003c40004c3",
      // superseded
      "4b495448 01 95a0ee20b97f3813"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be80777081109830005"
      "01ce000900000207",
      // push, with what it comes after
      "4b495448 01 b9cf9016ed2961ca"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "03098300919402cf018bcfe569f40000cf018bcfe56a580001c421020174056c696b6573037465611301000000000000"
      "0000000a018bcfe56a580001039195520acf018bcfe569f40000cf018bcfe56a580001919402cf018bcfe569f40000cf"
      "018bcfe56a580001c421020174056c696b65730374656113010000000000000000000a018bcfe56a58000104cf018bcf"
      "e569f40000",
      // rebase: the first question about a shard
      std::string("4b495448 01 5df5325b0b8fbe07"
                  "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
                  "1209840009010202c5080000000000000000d6") +
          std::string(4078, '0') + "d704c400",
      // rebase, further
      "4b495448 01 5e4c7a5b628cd78d"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "1209840009010203c420010200000000000000000000000000000000000000000000000000000000008004c411000274"
      "006c696b65730001027465610001",
      // rebased
      "4b495448 01 7ee7da5c490fc07d"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "1309880009010202c420010200000000000000000000000000000000000000000000000000000000008003c421020174"
      "056c696b65730374656113010000000000000000000a018bcfe56a58000104c411000274006c696b6573000102746561"
      "000105c206c307c420000000000000000a018bcfe569f40000000000000000000b018bcfe56a580001",
      // rebased: equal, and a row is damaged
      "4b495448 01 958411c87ccce2e7"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "130988000901cdffff02c420000000000000000000000000000000000000000000000000000000000000000003c40004"
      "c40005c306c207c400",
      // rebase: the same, a sketch is wanted
      std::string("4b495448 01 c4601f2456123f43"
                  "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be80777081209"
                  "850009010202c5080000000000000000d6") +
          std::string(4078, '0') + "d704c4000500",
      // rebase, further: a sketch of 300 cells, up to a key
      "4b495448 01 4c5ade1e9385fbf0"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be80777081209860009"
      "010203c420010200000000000000000000000000000000000000000000000000000000008004c411000274006c696b65"
      "73000102746561000105cd012c06c412000274006c696b6573000102746561000178",
      // rebase: bases of two counters
      "4b495448 01 45bf9f6569a22618"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be80777081209860009"
      "010203c420010200000000000000000000000000000000000000000000000000000000008004c411000274006c696b65"
      "73000102746561000106c412000274006c696b657300010274656100017807c4100000000000000005ffffffffffffff"
      "ff",
      // rebased: a sketch
      "4b495448 01 9df05b3d538e0244"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be80777081309890009"
      "010202c420010200000000000000000000000000000000000000000000000000000000008003c40004c411000274006c"
      "696b6573000102746561000105c206c307c420000000000000000a018bcfe569f40000000000000000000b018bcfe56a"
      "58000108c4285e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e",
      // stopping, from above a horizon
      "4b495448 01 f7413f4f4de5ffa2"
      "8b00ccc10151020a03cf018bcfe56800000004cf018bcfe56a58000105cf018bcfe56be8000206cf000001"
      "8bcfe56be80777080c09800bcf018bcfe569f40000",
      // join: a retry window of ten minutes
      "4b495448 01 2af5084ac81c2627"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "00098600a26e3201a46e323a3202a46b6974680304040905ce000927c0",
      // welcome: the same
      "4b495448 01 eb51a13dc99582cd"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708"
      "01098400a46b6974680104020903ce000927c0",
      // evict: asks
      "4b495448 01 f4056e7a9da00c2f"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be80777081409860000"
      "01cf018bcfe569f40000020503c41800000000000000010000000000000002000000000000000304c408000000000000"
      "000205c2",
      // evict: votes, please
      "4b495448 01 a216b130923feac9"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be80777081409860001"
      "01cf018bcfe569f40000020503c41800000000000000010000000000000002000000000000000304c408000000000000"
      "000205c3",
      // evict: confirm
      "4b495448 01 d8c4435e33cc87e6"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be80777081409860002"
      "01cf018bcfe569f40000020503c41800000000000000010000000000000002000000000000000304c408000000000000"
      "000205c3",
      // evict: withdrawn
      "4b495448 01 cc4f929f71105457"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be80777081409860004"
      "01cf018bcfe569f40000020503c41800000000000000010000000000000002000000000000000304c408000000000000"
      "000205c2",
      // vote: does it stand?
      "4b495448 01 6d81d4ab1a9bfb8c"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be807770815098b0003"
      "01cf018bcfe569f400000205030004cf0000000f423f0000050606cf018bcfe569f40000070508c41000000000000000"
      "01000000000000000209c40800000000000000020ac400",
      // vote: promised
      "4b495448 01 570ad3855ccada3d"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be807770815098b0000"
      "01cf018bcfe569f400000205030004cf018bcfe569f4000005050600070008c40009c4000ac4080000000000000001",
      // vote: outbid
      "4b495448 01 d332c5c9acd4e571"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be807770815098b0001"
      "01cf018bcfe569f400000205030304cf0000000f423f0000050606cf018bcfe569f40000070508c41000000000000000"
      "01000000000000000209c40800000000000000020ac4080000000000000001",
      // evicted
      "4b495448 01 3592e12ba8d181b2"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be807770816098300cf"
      "018bcfe569f4000001ce000900000207",
      // welcome: with an electorate
      "4b495448 01 acca5fc82451fb03"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be807770801098500a4"
      "6b6974680104020903ce000927c004c41000000000000000010000000000000002",
      // stopping, with a vote that is outstanding
      "4b495448 01 a851a57f1d564293"
      "8b00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be80777080c09800cc3",
      // probe: a ping
      "4b495448 01 5dd6c4aba885d221"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be8077708170983000001090201",
      // probe: ping for me, with two rumours
      "4b495448 01 ccf502ff4bef2a2b"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be807770817098500020109020003"
      "0304c42d000000000000000002018bcfe569f40000ac02020000000000000003018bcfe56a580001000000000000000002",
      // probe: a rumour
      "4b495448 01 2b94fbebb9fbd594"
      "8a00ccc10151020a03cf018bcfe568000000040005cf018bcfe56be8000206cf0000018bcfe56be807770817098400050100020704"
      "c41a020000000000000003018bcfe56a580001000000000000000002",
  };
  const auto all = examples();
  REQUIRE(all.size() == std::size(kGolden));
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(type_name(all[i].body));
    CHECK(hex_of(encode(all[i])) == hex_of(from_hex(kGolden[i])));
  }
}

TEST_CASE("message: in words, members that come along and their lives are told apart") {
  Envelope envelope;
  for (Envelope& example : examples()) {
    if (std::holds_alternative<StoppingBody>(example.body)) envelope = example;
  }
  const auto with = [&](std::size_t members, std::size_t lives) {
    envelope.members = {};
    Content content(Kind::kHash);
    (void)content.as_register().set("x", {Timestamp{5}, ActorId{1}}, {Timestamp{5}, OriginId{1}});
    for (std::size_t i = 0; i < members; ++i) envelope.members.append(member_cell(NodeId{i + 1}), content);
    for (std::size_t i = 0; i < lives; ++i) envelope.members.append(life_cell(NodeId{1}, OriginId{i + 1}), content);
    return describe(encode(envelope));
  };
  CHECK(with(0, 0) == "stopping");
  CHECK(with(1, 0) == "stopping, with 1 member");
  CHECK(with(1, 1) == "stopping, with 1 member and 1 life");
  CHECK(with(2, 3) == "stopping, with 2 members and 3 lives");
  CHECK(with(0, 2) == "stopping, with 2 lives");
}

// Goal: the page for people says what the code writes.
// Method: the hex in the two blocks of docs/WIRE.md that take messages apart, put together again.
TEST_CASE("message: docs/WIRE.md takes apart what is written") {
  std::ifstream page(std::filesystem::path(KITH_SOURCE_DIR) / "docs/WIRE.md");
  REQUIRE(page.good());
  std::vector<std::string> blocks;
  bool inside = false, chapter = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) chapter = line == "## A frame taken apart";
    if (!chapter) continue;
    if (line == "```") {
      inside = !inside;
      if (inside) blocks.emplace_back();
      continue;
    }
    std::istringstream words(line);
    for (std::string word; inside && words >> word;) {
      if (word.size() % 2 != 0 || word.find_first_not_of("0123456789abcdef") != std::string::npos) break;
      blocks.back() += word;
    }
  }
  REQUIRE(blocks.size() == 2);
  const auto all = examples();
  CHECK(blocks[0] == hex_of(encode(all[6])));
  CHECK(hex_of(encode(all[3])).ends_with(blocks[1]));
}

TEST_CASE("message: a frame cut at any length is refused") {
  for (const Envelope& envelope : examples()) {
    const std::string bytes = encode(envelope);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const FrameError error = error_of(std::string_view(bytes).substr(0, size));
      REQUIRE(error == (size < 13 ? FrameError::kNotKith : FrameError::kChecksum));
      // With a checksum that fits it is still half a message.
      if (size >= 13) REQUIRE(error_of(resealed(std::string_view(bytes).substr(0, size))) == FrameError::kMsgpack);
    }
  }
}

TEST_CASE("message: any byte flipped is noticed") {
  for (const Envelope& envelope : examples()) {
    const std::string bytes = encode(envelope);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      for (const int bit : {0x01, 0x80, 0xff}) {
        std::string flipped = bytes;
        flipped[i] = static_cast<char>(flipped[i] ^ bit);
        const FrameError expected = i < 4    ? FrameError::kNotKith
                                    : i == 4 ? FrameError::kVersion
                                             : FrameError::kChecksum;
        REQUIRE(error_of(flipped) == expected);
      }
    }
  }
}

TEST_CASE("message: a byte flipped under a checksum that fits does no harm") {
  std::size_t accepted = 0;
  for (const Envelope& envelope : examples()) {
    const std::string bytes = encode(envelope);
    for (std::size_t i = 13; i < bytes.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string flipped = bytes;
        flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
        accepted += usable(resealed(flipped)) ? 1 : 0;
      }
    }
  }
  CHECK(accepted > 0);  // Other ids are as good as these.
}

TEST_CASE("message: random damage under a checksum that fits does no harm (20,000 frames)") {
  std::uint64_t seed = 20'260'101;
  if (const char* given = std::getenv("KITH_SEED")) seed = std::strtoull(given, nullptr, 10);
  INFO("KITH_SEED=", seed);
  std::mt19937_64 random(seed);
  std::vector<std::string> frames;
  for (const Envelope& envelope : examples()) frames.push_back(encode(envelope));
  std::size_t accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = frames[random() % frames.size()];
    for (std::uint64_t n = 1 + random() % 4; n > 0; --n) {
      const std::size_t at = 13 + random() % (bytes.size() - 13), size = random() % 9;
      switch (random() % 5) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes.insert(at, size, static_cast<char>(random())); break;
        case 2: bytes.erase(at, std::min(size, bytes.size() - at - 1)); break;
        case 3: bytes.insert(at, bytes.substr(13 + random() % (bytes.size() - 13), size)); break;
        case 4: {
          static constexpr unsigned char kHeaders[] = {0xc4, 0xc6, 0xd9, 0xdb, 0xdc, 0xdd,
                                                       0xde, 0xdf, 0xcf, 0xd3, 0xc0, 0xc9};
          bytes[at] = static_cast<char>(kHeaders[random() % std::size(kHeaders)]);
          break;
        }
      }
      if (bytes.size() <= 14) break;
    }
    accepted += usable(resealed(bytes)) ? 1 : 0;
  }
  CHECK(accepted > 100);
  CHECK(accepted < 20'000);
}

TEST_CASE("message: other protocols, other versions and noise are told apart") {
  CHECK(error_of("") == FrameError::kNotKith);
  CHECK(error_of("K") == FrameError::kNotKith);
  CHECK(error_of("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") == FrameError::kNotKith);
  CHECK(error_of("*1\r\n$4\r\nPING\r\n") == FrameError::kNotKith);
  CHECK(error_of(from_hex("16 03 01 02 00 01 00 01 fc 03 03 00 01 02 03 04 05 06 07")) == FrameError::kNotKith);
  CHECK(error_of(std::string(100, '\0')) == FrameError::kNotKith);
  CHECK(error_of("KITH") == FrameError::kNotKith);
  const std::string payload = payload_of(encode(examples().front()));
  CHECK(error_of(framed(payload, kPeerProtocolVersion)) == FrameError::kNone);
  for (const std::uint8_t version : std::initializer_list<std::uint8_t>{0, kPeerProtocolVersion + 1, 255}) {
    // A join and a refusal are read, to be refused and told; the rest is not.
    for (const Envelope& envelope : examples()) {
      const bool read = std::holds_alternative<JoinBody>(envelope.body) || std::holds_alternative<RefuseBody>(envelope.body);
      const std::string frame = framed(payload_of(encode(envelope)), version);
      REQUIRE(error_of(frame) == (read ? FrameError::kNone : FrameError::kVersion));
      std::string other = frame;
      other.back() = static_cast<char>(other.back() ^ 1);
      REQUIRE(error_of(other) == FrameError::kVersion);
    }
    CHECK(error_of(framed("\xc0", version)) == FrameError::kVersion);
  }
  CHECK(error_of(framed("")) == FrameError::kMsgpack);
  CHECK(error_of(framed("\xc0")) == FrameError::kEnvelope);  // Nil.
  CHECK(error_of(framed("\x80")) == FrameError::kEnvelope);  // An empty map.
  CHECK_FALSE(peek_sender("KITH").has_value());
}

TEST_CASE("message: a frame may have as many bytes as the limit, and no more") {
  PushBody push;
  push.parts.push_back({2, {}, Timestamp{1}, CellBlock(std::string(kMessageBytesMax - 1000, 'x'))});
  const std::size_t around = encode(example(push)).size() - (kMessageBytesMax - 1000);
  push.parts[0].cells = CellBlock(std::string(kMessageBytesMax - around, 'x'));
  std::string frame = encode(example(push));
  REQUIRE(frame.size() == kMessageBytesMax);
  CHECK(error_of(frame) == FrameError::kNone);
  frame += 'x';
  CHECK(error_of(frame) == FrameError::kTooLarge);
  CHECK(error_of(resealed(frame)) == FrameError::kTooLarge);
}

TEST_CASE("message: a block of cells is read whole or not at all") {
  CellBlock block = plain_add("likes", "tea", OriginId{0x0a}, Timestamp{5});
  block.append(plain_add("likes", "coffee", OriginId{0x0b}, Timestamp{6}));
  const auto cells = block.read();
  REQUIRE(cells.has_value());
  REQUIRE(cells->size() == 2);
  CHECK((*cells)[0].key.member == "tea");
  CHECK((*cells)[1].key.member == "coffee");
  CHECK((*cells)[1].content.present());
  const std::size_t first = plain_add("likes", "tea", OriginId{0x0a}, Timestamp{5}).size();
  for (std::size_t size = 1; size < block.size(); ++size) {
    if (size != first) CHECK_FALSE(CellBlock(block.bytes().substr(0, size)).read().has_value());
  }
  CHECK(CellBlock().read()->empty());
}

}  // namespace
}  // namespace kith::test
