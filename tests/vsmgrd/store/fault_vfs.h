// Stands between SQLite and the disk: makes writes fail, and keeps what a power cut would leave.
//
// Is SQLite's default VFS while it lives; make it before the databases it is for. Thread-safe as
// far as the databases themselves are used by one thread at a time.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include <sqlite3.h>

namespace vs::test {

class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  // From now on every write, truncation and sync fails with this result; SQLITE_OK ends that.
  void fail_with(int result) {
    result_ = result;
    passes_ = -1;
  }
  // Lets so many writes pass before.
  void fail_after(int writes, int result, bool torn = false) {
    passes_ = writes;
    later_result_ = result;
    torn_ = torn;
    struck_ = false;
  }
  // Whether that has happened.
  [[nodiscard]] bool struck() const { return struck_; }

  // Copies every file in `from` to `into` whenever it is synced, and only then; deletes it there
  // when its deletion is. `into` is what is left of `from` when everything that was not synced is
  // lost.
  void keep_synced(std::filesystem::path from, std::filesystem::path into);

  [[nodiscard]] int syncs() const { return syncs_; }

  // For the functions SQLite calls.
  int before_write();
  // Whether half of the write that fails reaches the disk: once, as when the power goes.
  bool tears() { return std::exchange(torn_, false); }
  void after_sync(const std::string& path);
  void after_synced_delete(const std::string& path);
  sqlite3_vfs* real() const { return real_; }

 private:
  sqlite3_vfs* real_;
  sqlite3_vfs self_;
  int result_ = SQLITE_OK;
  int passes_ = -1;  // negative: no limit
  int later_result_ = SQLITE_OK;
  bool torn_ = false;
  bool struck_ = false;
  int syncs_ = 0;
  std::filesystem::path from_, into_;
};

}  // namespace vs::test
