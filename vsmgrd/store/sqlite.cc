#include "vsmgrd/store/sqlite.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace vs {
namespace {

bool is_full(int saved_errno) { return saved_errno == ENOSPC || saved_errno == EDQUOT; }

ErrorCode code_of(int result, int saved_errno) {
  switch (result & 0xff) {  // the low byte is the primary code
    case SQLITE_FULL:
    case SQLITE_NOMEM: return ErrorCode::exhausted;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return is_full(saved_errno) ? ErrorCode::exhausted : ErrorCode::unavailable;
    case SQLITE_READONLY:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PERM:
    case SQLITE_AUTH: return ErrorCode::unavailable;
    default: return ErrorCode::internal;
  }
}

}  // namespace

void Statement::bind(int index, std::int64_t value) {
  const int result = sqlite3_bind_int64(handle_.get(), index + 1, value);
  if (result != SQLITE_OK) bind_result_ = result;
}

void Statement::bind(int index, std::string_view text) {
  const int result = sqlite3_bind_text64(handle_.get(), index + 1, text.data() ? text.data() : "",
                                         text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (result != SQLITE_OK) bind_result_ = result;
}

void Statement::bind(int index, const std::optional<std::string>& text) {
  if (text) return bind(index, std::string_view(*text));
  const int result = sqlite3_bind_null(handle_.get(), index + 1);
  if (result != SQLITE_OK) bind_result_ = result;
}

Result<bool> Statement::step() {
  if (bind_result_ != SQLITE_OK) return fail(database_->error(bind_result_));
  const int result = sqlite3_step(handle_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return fail(database_->error(result));
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

std::string_view Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  if (!bytes) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

Result<Database> Database::open(const std::string& name, int flags, std::string title,
                                const char* vfs) {
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(name.c_str(), &handle,
                                     flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
  Database database(handle, std::move(title));  // a handle that failed to open must be closed too
  if (result != SQLITE_OK) return fail(database.error(result));
  sqlite3_busy_timeout(handle, static_cast<int>(kBusyTimeout.count()));
  return database;
}

Result<> Database::run(const std::string& sql) {
  const int result = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return fail(error(result));
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  if (const auto found = kept_.find(sql); found != kept_.end() && !found->second.in_use) {
    found->second.in_use = true;
    return Statement(*this, found->second.handle.get(), &found->second.in_use);
  }
  sqlite3_stmt* handle = nullptr;
  const int result = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (result != SQLITE_OK) return fail(error(result));
  if (kept_.size() >= kStatementsMax || kept_.contains(sql))
    return Statement(*this, handle, nullptr);
  Kept& kept = kept_[std::string(sql)];
  kept.handle.reset(handle);
  kept.in_use = true;
  return Statement(*this, handle, &kept.in_use);
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  const auto row = statement->step();
  if (!row) return fail(row.error());
  return *row ? statement->integer(0) : 0;
}

Result<std::string> Database::text(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  const auto row = statement->step();
  if (!row) return fail(row.error());
  return std::string(*row ? statement->text(0) : std::string_view());
}

void Database::hold_log() {
  if (!log_pages_) log_pages_ = std::make_unique<int>(0);
  const auto note = [](void* pages, sqlite3*, const char*, int count) {
    *static_cast<int*>(pages) = count;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(handle_.get(), note, log_pages_.get());
}

void Database::checkpoint() {
  // What it cannot do now, the next one does.
  if (sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                                nullptr) == SQLITE_OK &&
      log_pages_)
    *log_pages_ = 0;
}

Result<> Database::copy_to(const std::string& file, const CopyLook& look) {
  auto target = Database::open(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, file);
  if (!target) return fail(std::move(target.error()));
  // One moment for all pages: whatever others write meanwhile would have the copy begin anew.
  const bool ours = !in_transaction();
  if (auto begun = ours ? run("BEGIN") : Result<>(); !begun) return begun;
  const auto read = integer("SELECT count(*) FROM sqlite_schema");
  auto copied = read ? copy_pages(*target, look) : Result<>(fail(read.error()));
  if (auto ended = ours ? run("ROLLBACK") : Result<>(); !ended && copied) return ended;
  return copied;
}

Result<> Database::copy_pages(Database& target, const CopyLook& look) {
  sqlite3_backup* backup = sqlite3_backup_init(target.handle_.get(), "main", handle_.get(), "main");
  if (!backup) return fail(target.error(sqlite3_errcode(target.handle_.get())));
  bool stopped = false;
  int stepped = SQLITE_OK;
  while (stepped == SQLITE_OK && !stopped) {
    stepped = sqlite3_backup_step(backup, look ? kCopyPages : -1);
    const auto total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup));
    const auto left = static_cast<std::uint64_t>(sqlite3_backup_remaining(backup));
    stopped = stepped == SQLITE_OK && look && !look(total - left, total);
  }
  const int finished = sqlite3_backup_finish(backup);
  if (stopped) return fail(ErrorCode::conflict, "the copy was stopped before its end");
  if (stepped != SQLITE_DONE) return fail(target.error(stepped));
  if (finished != SQLITE_OK) return fail(target.error(finished));
  return {};
}

Error Database::error(int code) const {
  const int saved_errno = handle_ ? sqlite3_system_errno(handle_.get()) : 0;
  const int primary = code & 0xff;
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
    return {ErrorCode::internal,
            fmt::format(
                "database {} is damaged ({}): stop vsmgrd, put the file aside and restore a copy",
                title_, sqlite3_errstr(code))};
  std::string message = fmt::format("database {}: {}", title_, sqlite3_errstr(code));
  if ((primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) && saved_errno != 0)
    message += fmt::format(" ({})", std::generic_category().message(saved_errno));
  const ErrorCode kind = code_of(code, saved_errno);
  // Only our own mistakes need SQLite's words about them.
  if (kind == ErrorCode::internal && handle_)
    message += fmt::format(": {}", sqlite3_errmsg(handle_.get()));
  return {kind, std::move(message)};
}

Result<Transaction> Transaction::begin(Database& database) {
  if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) return fail(std::move(begun.error()));
  return Transaction(database);
}

Result<> Transaction::commit() {
  auto committed = database_->run("COMMIT");
  if (committed) database_ = nullptr;
  return committed;
}

Transaction::~Transaction() {
  // Some errors roll back by themselves. A rollback touches no disk; it cannot fail in a way that
  // leaves anything behind.
  if (database_ && database_->in_transaction()) [[maybe_unused]]
    const auto rolled_back = database_->run("ROLLBACK");
}

}  // namespace vs
