#include "node/restore.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "gossip/join.h"
#include "gossip/owner.h"
#include "node/durable_file.h"
#include "store/offline_store.h"

namespace kith {

namespace {

namespace fs = std::filesystem;

constexpr const char* kAside = "restoring";

[[noreturn]] void fail(const std::string& what) { throw RestoreError(what); }

Restored look_at(const Config& config) {
  const std::string& from = config.restore;
  std::error_code error;
  const auto note = read_backup_note(from);
  if (!note) {
    const bool node = fs::exists(from + "/kith.id", error);
    fail(from + " is no backup: it has no " + kBackupNote +
         (node ? "; it is the data directory of a node, of which `kith backup` takes a backup while it runs"
               : "; `kith backup` makes one, whole or not at all"));
  }
  const OfflineStore store(from);
  if (!store.walkable()) {
    fail("the backup in " + from + " is damaged: " + store.pages().findings.front() +
         "; `kith verify` tells more, and another backup, or a node that joins empty, has the data");
  }
  const auto snapshot = store.snapshot();
  const Owner owner = owner_of(*snapshot);
  if (owner.cluster != note->cluster || owner.cluster_name != note->cluster_name) {
    fail("the backup in " + from + " is not what its " + kBackupNote + " says: its data.mdb belongs to cluster '" +
         owner.cluster_name + "', not to '" + note->cluster_name + "'; put the two files back that belong together");
  }
  if (owner.node) {
    fail("the data.mdb in " + from + " is that of node '" + owner.node_name + "', not of a backup: two nodes with one "
         "identity would refuse each other; take a backup with `kith backup`");
  }
  return {*note, member_names(*snapshot), owner.retry_window_ms, owner.replication};
}

void check_fits(const Config& config, const Restored& restored) {
  const BackupNote& note = restored.note;
  if (config.cluster && *config.cluster != note.cluster_name) {
    fail("the backup in " + config.restore + " is of cluster '" + note.cluster_name + "', not of '" + *config.cluster +
         "': give --cluster " + note.cluster_name + ", or another backup");
  }
  if (config.shards && *config.shards != note.shard_count) {
    fail("cluster '" + note.cluster_name + "' has " + std::to_string(note.shard_count) +
         " shards, fixed at its creation, not " + std::to_string(*config.shards) + ": leave --shards out");
  }
  if (config.retry_window_given && restored.retry_window_ms != 0 && config.retry_window_ms != restored.retry_window_ms) {
    fail("cluster '" + note.cluster_name + "' " + retry_window_is(restored.retry_window_ms) + ", not " +
         format_duration(config.retry_window_ms) + ": leave --retry-window out");
  }
  if (config.replicas && *config.replicas != restored.replication.number()) {
    fail("cluster '" + note.cluster_name + "' " + replication_is(restored.replication) + ", not " +
         std::to_string(*config.replicas) + ": leave --replicas out");
  }
  if (std::binary_search(restored.members.begin(), restored.members.end(), config.name)) {
    fail("a member of cluster '" + note.cluster_name + "' is called '" + config.name +
         "' already: a restored node is a new one, so choose another --name");
  }
}

}  // namespace

Restored check_backup(const Config& config) {
  try {
    const Restored out = look_at(config);
    check_fits(config, out);
    return out;
  } catch (const StoreError& error) {
    fail("the backup in " + config.restore + " cannot be used: " + error.what());
  } catch (const DurableFileError& error) {
    fail(error.what());
  }
}

void restore_into(const Config& config) {
  const std::string aside = config.data + "/" + kAside;
  std::error_code error;
  if (fs::exists(config.data + "/data.mdb", error)) {
    fail("the data directory " + config.data + " has a store already: leave --restore out to start it as it is, or give an "
         "empty directory as --data");
  }
  for (const auto& entry : fs::directory_iterator(config.data, error)) {
    const std::string name = entry.path().filename().string();
    if (name == "kithd.lock" || name == kAside) continue;
    fail("the data directory " + config.data + " is not empty (there is " + name +
         "): a backup is restored into a new or empty one");
  }
  if (error) fail("cannot look into " + config.data + ": " + reason(error.value()));
  fs::remove_all(aside, error);
  if (::mkdir(aside.c_str(), 0700) != 0) fail("cannot make " + aside + ": " + reason(errno));
  try {
    copy_file(config.restore + "/data.mdb", aside + "/data.mdb");
    if (std::rename((aside + "/data.mdb").c_str(), (config.data + "/data.mdb").c_str()) != 0) {
      fail("cannot rename " + aside + "/data.mdb: " + reason(errno));
    }
    sync_directory(config.data);
  } catch (const DurableFileError& failed) {
    fs::remove_all(aside, error);
    fail(std::string("the backup could not be copied: ") + failed.what());
  }
  fs::remove_all(aside, error);
}

void refuse_half_restored(const std::string& data) {
  std::error_code error;
  if (!fs::exists(data + "/" + kAside, error) || fs::exists(data + "/data.mdb", error)) return;
  fail("a restore into " + data + " was begun and did not end: start again with the same --restore, or, to start with "
       "nothing, remove " + data + "/" + kAside);
}

}  // namespace kith
