#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "vsmgrd/config/options_parts.h"

namespace vs {
namespace {

constexpr std::array<std::string_view, 2> kEngineKinds{"nats", "mqtt"};
constexpr std::size_t kEngineServersMax = 16;
constexpr std::size_t kEngineFileBytesMax = 1 << 20;

bool is_engine_name(const std::string& name) {
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string fault_of_server(const EngineOptions& engine, const std::string& server) {
  const std::vector<std::string_view> schemes = engine.kind == "nats" ? std::vector<std::string_view>{"nats://", "tls://"}
                                                                      : std::vector<std::string_view>{"mqtt://", "mqtts://"};
  const auto scheme = std::find_if(schemes.begin(), schemes.end(), [&](std::string_view one) { return server.starts_with(one); });
  if (scheme == schemes.end())
    return "server " + server + ": begins with " + std::string(schemes[0]) + " or " + std::string(schemes[1]);
  const std::string place = server.substr(scheme->size());
  if (place.find_first_of("@/?# ") != std::string::npos || place.empty())
    return "server: HOST or HOST:PORT; who we are is told by user, password-file, token-file or credentials";
  return {};
}

// One part of what --engine was given; the first of an engine is NAME=KIND.
std::string take_part(std::vector<EngineOptions>& engines, const std::string& part) {
  const auto equals = part.find('=');
  const std::string key = part.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
  if (value.empty()) return "\"" + part + "\" is not KEY=VALUE";
  if (std::find(kEngineKinds.begin(), kEngineKinds.end(), value) != kEngineKinds.end()) {
    if (!is_engine_name(key)) return "name \"" + key + "\": lower case letters, digits and hyphens, at most 63";
    if (std::any_of(engines.begin(), engines.end(), [&](const auto& one) { return one.name == key; })) return key + ": is there twice";
    engines.push_back({.name = key, .kind = value});
    return {};
  }
  if (engines.empty()) return "begins with NAME=nats or NAME=mqtt";
  EngineOptions& engine = engines.back();
  if (key == "server") {
    if (engine.servers.size() == kEngineServersMax) return engine.name + ": more than " + std::to_string(kEngineServersMax) + " servers";
    if (const std::string fault = fault_of_server(engine, value); !fault.empty()) return engine.name + ": " + fault;
    engine.servers.push_back(value);
    return {};
  }
  for (const auto& [name, place] : {std::pair{"ca", &engine.ca}, std::pair{"certificate", &engine.certificate},
                                    std::pair{"key", &engine.key}, std::pair{"password-file", &engine.password_file},
                                    std::pair{"token-file", &engine.token_file}, std::pair{"credentials", &engine.credentials}})
    if (key == name) {
      *place = value;
      return {};
    }
  if (key != "user") return engine.name + ": there is no " + key;
  engine.user = value;
  return {};
}

std::string fault_of(const EngineOptions& engine) {
  if (engine.servers.empty()) return engine.name + ": needs a server";
  if (engine.certificate.empty() != engine.key.empty()) return engine.name + ": certificate and key go together";
  if (engine.kind == "mqtt" && (!engine.token_file.empty() || !engine.credentials.empty()))
    return engine.name + ": token-file and credentials are of nats";
  return {};
}

Result<std::string> text_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return fail(ErrorCode::invalid, path.string() + ": cannot be read");
  if (text.str().size() > kEngineFileBytesMax) return fail(ErrorCode::invalid, path.string() + ": too large");
  return text.str();
}

std::string first_line(const std::string& text) { return text.substr(0, text.find_first_of("\r\n")); }

}  // namespace

void add_engine_options(CLI::App& app, std::vector<std::string>& given) {
  app.add_option("--engine", given,
                 "A server between nodes that services of channels may name: NAME=nats or NAME=mqtt, then ,server=nats://HOST:PORT "
                 "(tls://, mqtt://, mqtts://; may be repeated) ,ca=FILE ,certificate=FILE,key=FILE ,user=NAME,password-file=FILE "
                 ",token-file=FILE ,credentials=FILE; may be given again")
      ->type_name("NAME=KIND,KEY=VALUE...")
      ->take_all()
      ->allow_extra_args(false);
}

std::string parse_engines(const std::vector<std::string>& given, std::vector<EngineOptions>& engines) {
  for (const std::string& text : given)
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t comma = std::min(text.find(',', at), text.size());
      if (const std::string fault = take_part(engines, text.substr(at, comma - at)); !fault.empty()) return "--engine: " + fault;
      at = comma + 1;
    }
  for (const EngineOptions& engine : engines)
    if (const std::string fault = fault_of(engine); !fault.empty()) return "--engine: " + fault;
  return {};
}

Result<std::map<std::string, nlohmann::json>> read_engines(const std::vector<EngineOptions>& engines) {
  std::map<std::string, nlohmann::json> read;
  for (const EngineOptions& engine : engines) {
    nlohmann::json told{{"kind", engine.kind}, {"servers", engine.servers}};
    if (!engine.user.empty()) told["user"] = engine.user;
    for (const auto& [field, path, whole] :
         {std::tuple{"ca", engine.ca, true}, std::tuple{"certificate", engine.certificate, true}, std::tuple{"key", engine.key, true},
          std::tuple{"credentials", engine.credentials, true}, std::tuple{"password", engine.password_file, false},
          std::tuple{"token", engine.token_file, false}}) {
      if (path.empty()) continue;
      const auto text = text_of_file(path);
      if (!text) return fail(Error(text.error()).within("engine " + engine.name));
      told[field] = whole ? *text : first_line(*text);
    }
    read[engine.name] = std::move(told);
  }
  return read;
}

}  // namespace vs
