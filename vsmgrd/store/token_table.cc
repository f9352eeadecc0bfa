#include "vsmgrd/store/token_table.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/digest.h"
#include "vsmgrd/store/audit_log.h"
#include "vsmgrd/store/columns.h"
#include "vsmgrd/store/writer.h"

namespace vs {
namespace {

constexpr std::string_view kSecretPrefix = "vst_";
constexpr std::size_t kTokenIdDigits = 16;
constexpr std::string_view kNoHash =  // of no secret
    "0000000000000000000000000000000000000000000000000000000000000000";
constexpr std::array<std::string_view, 4> kRoles{"viewer", "operator", "policy-admin", "admin"};
constexpr std::chrono::hours kEndedTokenAgeMax{24 * 7};

template <std::size_t kBytes>
std::array<std::uint8_t, kBytes> random_bytes() {
  std::array<std::uint8_t, kBytes> bytes{};
  VS_CHECK(::getrandom(bytes.data(), kBytes, 0) == static_cast<ssize_t>(kBytes));
  return bytes;
}

std::string random_id() {
  std::string text;
  for (const std::uint8_t byte : random_bytes<kTokenIdDigits / 2>())
    text += fmt::format("{:02x}", byte);
  return text;
}

// 256 bits as base64url without padding.
std::string random_secret() {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  std::uint32_t bits = 0;
  int held = 0;
  for (const std::uint8_t byte : random_bytes<32>()) {
    bits = bits << 8 | byte;
    for (held += 8; held >= 6; held -= 6) text += kDigits[bits >> (held - 6) & 0x3F];
  }
  text += kDigits[bits << (6 - held) & 0x3F];
  return text;
}

std::string whole_secret(const std::string& id) {
  return fmt::format("{}{}_{}", kSecretPrefix, id, random_secret());
}

Result<> check_lifetime(std::chrono::seconds lifetime) {
  if (lifetime.count() >= 1 && lifetime <= kTokenLifetimeMax) return {};
  return fail(ErrorCode::invalid, fmt::format("a token lives from 1s to {} days, not {}s",
                                              kTokenLifetimeMax / std::chrono::hours{24},
                                              lifetime.count()));
}

bool has_ended(const Token& token, WallTime now) {
  return token.revoked_at || token.expires_at <= now;
}

}  // namespace

Result<> TokenTable::save(Turn& turn, const Kept& kept, const std::string& verb,
                          const Actor& actor) {
  const Token& token = kept.token;
  if (auto written = turn.database.execute(
          "INSERT OR REPLACE INTO token (id, name, role, scope, created_by, created_at, "
          "expires_at, last_used_at, revoked_at, hash, old_hash, old_until) VALUES (?, ?, ?, ?, ?, "
          "?, ?, ?, ?, ?, ?, ?)",
          token.id, token.name, token.role, token.scope, token.created_by,
          format_time(token.created_at), format_time(token.expires_at),
          encode_time(token.last_used_at), encode_time(token.revoked_at), kept.hash,
          kept.old_hash, encode_time(kept.old_until));
      !written)
    return written;
  turn.after_commit.emplace_back([this, kept] {
    tokens_.with([&](Tokens& tokens) { tokens.insert_or_assign(kept.token.id, kept); });
  });
  if (verb.empty()) return {};
  if (auto noted = AuditLog::append(
          turn, {.actor = actor, .verb = verb, .kind = "Token", .name = token.name, .uid = token.id});
      !noted)
    return noted;
  const std::string past = verb == "issue" ? "issued" : verb == "rotate" ? "rotated" : "revoked";
  return events_.append(
      turn, {.type = "token." + past, .kind = "Token", .name = token.name, .uid = token.id, .actor = actor});
}

Result<IssuedToken> TokenTable::issue(const Wanted& wanted, const Actor& actor) {
  if (auto named = check_name(wanted.name); !named) return fail(std::move(named.error()));
  if (std::find(kRoles.begin(), kRoles.end(), wanted.role) == kRoles.end())
    return fail(ErrorCode::invalid,
                fmt::format("no role {}: viewer, operator, policy-admin or admin",
                            in_quotes(wanted.role)));
  if (auto lives = check_lifetime(wanted.lifetime); !lives) return fail(std::move(lives.error()));
  IssuedToken issued;
  const auto written = ledger_.write_alone([&](Turn& turn) -> Result<> {
    std::optional<Error> taken;
    std::vector<std::string> ended;  // of that name: they make room
    std::size_t count = 0;
    tokens_.with([&](const Tokens& tokens) {
      count = tokens.size();
      for (const auto& [id, kept] : tokens) {
        if (kept.token.name != wanted.name) continue;
        if (has_ended(kept.token, turn.now))
          ended.push_back(id);
        else
          taken = Error{ErrorCode::conflict, fmt::format("token {} exists: revoke or rotate it",
                                                         in_quotes(wanted.name))};
      }
    });
    if (taken) return fail(*taken);
    if (count >= kTokensMax)
      return fail(ErrorCode::exhausted, fmt::format("{} tokens, limit {}", count, kTokensMax));
    for (const std::string& id : ended) {
      if (auto gone = turn.database.execute("DELETE FROM token WHERE id = ?", id); !gone)
        return gone;
      turn.after_commit.emplace_back(
          [this, id] { tokens_.with([&](Tokens& tokens) { tokens.erase(id); }); });
    }
    const std::string id = random_id();
    issued.secret = whole_secret(id);
    issued.token = {.id = id,
                    .name = wanted.name,
                    .role = wanted.role,
                    .scope = wanted.scope,
                    .created_by = actor.principal,
                    .created_at = turn.now,
                    .expires_at = turn.now + wanted.lifetime};
    return save(turn, {.token = issued.token, .hash = sha256_hex(issued.secret)}, "issue", actor);
  });
  if (!written) return fail(written.error());
  return issued;
}

Result<IssuedToken> TokenTable::rotate(const std::string& id, std::chrono::seconds lifetime,
                                       std::chrono::seconds grace, const Actor& actor) {
  if (auto lives = check_lifetime(lifetime); !lives) return fail(std::move(lives.error()));
  if (grace.count() < 0 || grace > kTokenGraceMax)
    return fail(ErrorCode::invalid, "the old secret is taken for 0s to 24h longer");
  IssuedToken issued;
  const auto written = ledger_.write_alone([&](Turn& turn) -> Result<> {
    Kept kept;
    const bool known = tokens_.with([&](const Tokens& tokens) {
      const auto found = tokens.find(id);
      if (found != tokens.end()) kept = found->second;
      return found != tokens.end();
    });
    if (!known)
      return fail(ErrorCode::not_found, fmt::format("token {} does not exist", in_quotes(id)));
    if (kept.token.revoked_at)
      return fail(ErrorCode::conflict, fmt::format("token {} was revoked", in_quotes(id)));
    issued.secret = whole_secret(id);
    kept.old_hash = grace.count() > 0 ? kept.hash : std::string();
    kept.old_until = turn.now + grace;
    kept.hash = sha256_hex(issued.secret);
    kept.token.expires_at = turn.now + lifetime;
    issued.token = kept.token;
    return save(turn, kept, "rotate", actor);
  });
  if (!written) return fail(written.error());
  return issued;
}

Result<> TokenTable::revoke(const std::string& id, const Actor& actor) {
  return ledger_.write_alone([&](Turn& turn) -> Result<> {
    Kept kept;
    const bool known = tokens_.with([&](const Tokens& tokens) {
      const auto found = tokens.find(id);
      if (found != tokens.end()) kept = found->second;
      return found != tokens.end();
    });
    if (!known)
      return fail(ErrorCode::not_found, fmt::format("token {} does not exist", in_quotes(id)));
    if (kept.token.revoked_at) return {};
    kept.token.revoked_at = turn.now;
    kept.old_hash.clear();
    return save(turn, kept, "revoke", actor);
  });
}

TokenUse TokenTable::use_of(std::string_view secret) {
  return {.id = std::string(
              secret.substr(std::min(kSecretPrefix.size(), secret.size()), kTokenIdDigits)),
          .hash = sha256_hex(secret)};
}

// Takes as long whether it does or not.
bool TokenTable::counts(const Kept& kept, std::string_view hash, WallTime now) {
  const bool is_new = equal_in_constant_time(kept.hash, hash);
  const bool is_old = equal_in_constant_time(
      kept.old_hash.empty() ? kNoHash : std::string_view(kept.old_hash), hash);
  const bool old_counts = is_old && kept.old_until && now < *kept.old_until;
  return (is_new || old_counts) && !has_ended(kept.token, now);
}

bool TokenTable::counts(const TokenUse& use) const {
  const WallTime now = clock_.wall();
  return tokens_.with([&](const Tokens& tokens) {
    const auto found = tokens.find(use.id);
    return found != tokens.end() && counts(found->second, use.hash, now);
  });
}

std::optional<Token> TokenTable::find(std::string_view secret) {
  const TokenUse use = use_of(secret);
  const WallTime now = clock_.wall();
  return tokens_.with([&](Tokens& tokens) -> std::optional<Token> {
    static const Kept nobody{.hash = std::string(kNoHash)};
    const auto found = tokens.find(use.id);
    const bool known = found != tokens.end();
    if (!counts(known ? found->second : nobody, use.hash, now) || !known) return std::nullopt;
    auto& used = found->second.token.last_used_at;
    if (!used || now - *used >= kTokenUsePause) {
      used = std::chrono::floor<std::chrono::milliseconds>(now);
      found->second.use_unwritten = true;
    }
    return found->second.token;
  });
}

Result<Token> TokenTable::get(const std::string& id) const {
  return tokens_.with([&](const Tokens& tokens) -> Result<Token> {
    const auto found = tokens.find(id);
    if (found == tokens.end())
      return fail(ErrorCode::not_found, fmt::format("token {} does not exist", in_quotes(id)));
    return found->second.token;
  });
}

std::vector<Token> TokenTable::list() const {
  auto listed = tokens_.with([](const Tokens& tokens) {
    std::vector<Token> all;
    for (const auto& [id, kept] : tokens) all.push_back(kept.token);
    return all;
  });
  std::sort(listed.begin(), listed.end(),
            [](const Token& left, const Token& right) { return left.name < right.name; });
  return listed;
}

Result<> TokenTable::load(Database& database) {
  Tokens loaded;
  const auto read = for_each_row(
      database,
      "SELECT id, name, role, scope, created_by, created_at, expires_at, last_used_at, revoked_at, "
      "hash, old_hash, old_until FROM token",
      [&](const Statement& row) -> Result<> {
        Kept kept{.token = {.id = text_in(row, 0),
                            .name = text_in(row, 1),
                            .role = text_in(row, 2),
                            .scope = text_in(row, 3),
                            .created_by = text_in(row, 4),
                            .created_at = time_in(row, 5),
                            .expires_at = time_in(row, 6),
                            .last_used_at = time_or_none(row, 7),
                            .revoked_at = time_or_none(row, 8)},
                  .hash = text_in(row, 9),
                  .old_hash = text_in(row, 10),
                  .old_until = time_or_none(row, 11)};
        loaded.emplace(kept.token.id, std::move(kept));
        return {};
      });
  if (!read) return read;
  tokens_.with([&](Tokens& tokens) { tokens = std::move(loaded); });
  return {};
}

Result<> TokenTable::tidy(Turn& turn) {
  std::vector<Kept> used;
  std::vector<std::string> ended;
  tokens_.with([&](Tokens& tokens) {
    for (auto& [id, kept] : tokens) {
      const WallTime end = kept.token.revoked_at.value_or(kept.token.expires_at);
      if (end + kEndedTokenAgeMax < turn.now) ended.push_back(id);
      else if (std::exchange(kept.use_unwritten, false)) used.push_back(kept);
    }
  });
  for (const Kept& kept : used)
    if (auto noted = turn.database.execute("UPDATE token SET last_used_at = ? WHERE id = ?",
                                           encode_time(kept.token.last_used_at), kept.token.id);
        !noted)
      return noted;
  for (const std::string& id : ended) {
    if (auto gone = turn.database.execute("DELETE FROM token WHERE id = ?", id); !gone) return gone;
    turn.after_commit.emplace_back(
        [this, id] { tokens_.with([&](Tokens& tokens) { tokens.erase(id); }); });
  }
  return {};
}

}  // namespace vs
