#include "node/backup_note.h"

#include <unistd.h>

#include <charconv>

#include "crdt/tag.h"
#include "node/durable_file.h"
#include "node/version.h"

namespace kith {

namespace {

constexpr const char* kFormat = "1";

std::optional<std::uint64_t> number_from(const std::string& text) {
  std::uint64_t out = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

std::string to_text(const BackupNote& note) {
  return std::string("format=") + kFormat + "\nnode=" + to_hex(note.node.value) + "\nname=" + note.name +
         "\ncluster=" + to_hex(note.cluster.value) + "\ncluster_name=" + note.cluster_name +
         "\nshards=" + std::to_string(note.shard_count) + "\ntaken=" + note.taken + "\nrows=" + std::to_string(note.rows) +
         "\nbytes=" + std::to_string(note.bytes) + "\nkith=" + std::string(kVersion) + "\n";
}

std::optional<BackupNote> read_backup_note(const std::string& directory) {
  const std::string path = directory + "/" + kBackupNote;
  if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  auto pairs = read_pairs(path);
  if (pairs["format"] != kFormat) {
    throw DurableFileError(path + " has format \"" + pairs["format"] + "\"; this program knows format " + kFormat +
                           ": was it written by a newer Kith, may it not be read, or is it damaged?");
  }
  const auto node = parse_hex(pairs["node"]), cluster = parse_hex(pairs["cluster"]);
  const auto shards = number_from(pairs["shards"]), rows = number_from(pairs["rows"]), bytes = number_from(pairs["bytes"]);
  if (!node || !cluster || *cluster == 0 || !shards || !rows || !bytes || pairs["cluster_name"].empty()) {
    throw DurableFileError(path + " is damaged: it must have the lines format, node, name, cluster, cluster_name, shards, "
                                  "taken, rows and bytes");
  }
  return BackupNote{NodeId{*node},         pairs["name"],  ClusterId{*cluster}, pairs["cluster_name"],
                    static_cast<std::uint32_t>(*shards), pairs["taken"], *rows, *bytes};
}

}  // namespace kith
