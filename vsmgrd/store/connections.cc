#include "vsmgrd/store/connections.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace vs {

Result<> Connections::lock() {
  if (file_ == kInMemory || lock_.fd) return {};
  auto lock = LockFile::acquire(file_.string() + ".lock");
  if (!lock) return fail(std::move(lock.error()));
  lock_ = std::move(*lock);
  return {};
}

Result<> Connections::open_beside() {
  if (!reads_beside()) return {};
  auto reader = open_reader(file_);
  if (!reader) return fail(std::move(reader.error()));
  const std::lock_guard lock(reading_);
  reader_.reset();  // one that read the file as it lay takes no notice of others
  reader_ = std::move(*reader);
  return {};
}

Result<Contents> Connections::open() {
  if (auto locked = lock(); !locked) return fail(std::move(locked.error()));
  if (auto database = open_writable(file_, shipped_migrations(), clock_)) {
    writer_ = std::move(*database);
    if (auto beside = open_beside(); !beside) return fail(std::move(beside.error()));
    return read_contents(*writer_);
  } else if (file_ == kInMemory || !takes_no_writes(file_)) {
    return fail(std::move(database.error()));
  } else {
    log::warn("store.read_only", {{"file", file_.string()}, {"error", database.error()}});
  }
  auto frozen = open_frozen(file_, shipped_migrations());
  if (!frozen) return fail(std::move(frozen.error()));
  const std::lock_guard lock(reading_);
  reader_ = std::move(*frozen);
  return read_contents(*reader_);
}

Result<Database*> Connections::writable(std::int64_t version) {
  if (writer_) return &*writer_;
  if (auto locked = lock(); !locked) return fail(std::move(locked.error()));
  auto database = open_writable(file_, shipped_migrations(), clock_);
  if (!database) return fail(std::move(database.error()));
  const auto found = database->integer("SELECT resource_version FROM meta");
  if (!found) return fail(found.error());
  if (*found != version)
    return fail(
        ErrorCode::internal,
        fmt::format("database {} is at change {}, not {}: it was exchanged; start vsmgrd again",
                    file_.string(), *found, version));
  log::info("store.writable", {{"file", file_.string()}});
  writer_ = std::move(*database);
  if (auto beside = open_beside(); !beside) return fail(std::move(beside.error()));
  return &*writer_;
}

Result<> Connections::read(const std::function<Result<>(Database&)>& read) {
  const std::lock_guard lock(reading_);
  if (!reader_) return fail(ErrorCode::unavailable, file_.string() + " is not open");
  return read(*reader_);
}

}  // namespace vs
