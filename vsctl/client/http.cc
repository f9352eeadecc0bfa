#include "vsctl/client/http.h"

#include <strings.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/check.h"
#include "base/unique_fd.h"

namespace vs::ctl {
namespace {

using Easy = std::unique_ptr<CURL, CloseWith<&curl_easy_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, CloseWith<&curl_slist_free_all>>;

void add_header(HeaderList& list, const std::string& header) {
  curl_slist* longer = curl_slist_append(list.get(), header.c_str());
  VS_CHECK(longer != nullptr);  // out of memory
  static_cast<void>(list.release());
  list.reset(longer);
}

// Where an answer goes while it comes.
struct Receiver {
  CURL* easy = nullptr;
  HttpReply reply;
  const OnHead* on_head = nullptr;    // then the body of any status goes to on_piece
  const OnPiece* on_piece = nullptr;  // for the body of a success
  AnswerHead head;
  bool ended = false;                 // by on_head or on_piece
};

std::size_t take_body(char* data, std::size_t one, std::size_t count, void* into) {
  Receiver& receiver = *static_cast<Receiver*>(into);
  const std::string_view piece(data, one * count);
  if (receiver.on_piece != nullptr) {
    long status = 0;
    curl_easy_getinfo(receiver.easy, CURLINFO_RESPONSE_CODE, &status);
    if (receiver.on_head != nullptr || (status >= 200 && status <= 299)) {
      receiver.ended = !(*receiver.on_piece)(piece);
      return receiver.ended ? 0 : piece.size();
    }
  }
  std::string& body = receiver.reply.body;
  if (body.size() + piece.size() > kReplyBytesMax) return 0;  // ends the transfer: CURLE_WRITE_ERROR
  body.append(piece);
  return piece.size();
}

void take_field(std::string_view line, std::string_view name, std::string& value) {
  if (line.size() <= name.size() || strncasecmp(line.data(), name.data(), name.size()) != 0) return;
  line.remove_prefix(name.size());
  const auto first = line.find_first_not_of(" \t");
  const auto last = line.find_last_not_of(" \t\r\n");
  if (first != std::string_view::npos) value = line.substr(first, last - first + 1);
}

// Of this connection alone (RFC 9110, 7.6.1), or taken off by libcurl.
bool is_of_connection(std::string_view line) {
  for (const std::string_view name : {"connection:", "keep-alive:", "transfer-encoding:", "trailer:", "upgrade:"})
    if (line.size() >= name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0) return true;
  return false;
}

// Whether the answer may go on.
bool take_head_line(Receiver& receiver, std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) return receiver.head.fields.clear(), true;
  if (!line.empty()) {
    if (!is_of_connection(line)) receiver.head.fields.emplace_back(line);
    return true;
  }
  long status = 0;
  curl_easy_getinfo(receiver.easy, CURLINFO_RESPONSE_CODE, &status);
  receiver.head.status = static_cast<int>(status);
  if (status < 200) return true;  // the answer itself is still to come
  receiver.ended = !(*receiver.on_head)(receiver.head);
  return !receiver.ended;
}

std::size_t take_header(char* data, std::size_t one, std::size_t count, void* into) {
  Receiver& receiver = *static_cast<Receiver*>(into);
  const std::string_view line(data, one * count);
  if (receiver.on_head != nullptr) return take_head_line(receiver, line) ? line.size() : 0;
  take_field(line, "etag:", receiver.reply.etag);
  take_field(line, "location:", receiver.reply.location);
  return line.size();
}

// For --debug: what goes over the wire, without the token.
int show_wire(CURL*, curl_infotype type, char* data, std::size_t size, void*) {
  const char* mark = type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT  ? "> "
                     : type == CURLINFO_HEADER_IN || type == CURLINFO_DATA_IN ? "< "
                                                                              : nullptr;
  if (mark == nullptr) return 0;
  std::string_view text(data, size);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1);
    std::string_view line = text.substr(0, end + 1);
    text.remove_prefix(end + 1);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    constexpr std::string_view secret = "authorization:";
    const bool hidden = line.size() > secret.size() && strncasecmp(line.data(), secret.data(), secret.size()) == 0;
    std::string shown = hidden ? "Authorization: ***" : std::string(line);
    for (char& c : shown)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    fmt::print(stderr, "{}{}\n", mark, shown);
  }
  return 0;
}

}  // namespace

struct Http::Connection {
  Connection() { VS_CHECK(easy != nullptr); }  // out of memory

  Easy easy{curl_easy_init()};

  template <class T>
  void set(CURLoption option, T value) {
    VS_CHECK(curl_easy_setopt(easy.get(), option, value) == CURLE_OK);  // our own constants
  }
  void prepare(const Endpoint& endpoint, std::chrono::milliseconds timeout, bool goes_on);
  void describe(const Endpoint& endpoint, const HttpRequest& request, const HeaderList& headers);
  [[nodiscard]] Failure failure(CURLcode code, const Endpoint& endpoint,
                                const Deadline& deadline) const;
};

void Http::Connection::prepare(const Endpoint& endpoint, std::chrono::milliseconds timeout,
                               bool goes_on) {
  curl_easy_reset(easy.get());  // keeps the connection
  if (endpoint.host.empty()) {
    set(CURLOPT_UNIX_SOCKET_PATH, endpoint.socket_path.c_str());
    set(CURLOPT_PROXY, "");  // whatever the environment says: the daemon is on this node
  }
  set(CURLOPT_PROTOCOLS_STR, endpoint.host.empty() ? "http" : "https");
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_3));
  if (!endpoint.ca_file.empty()) set(CURLOPT_CAINFO, endpoint.ca_file.c_str());
  if (!endpoint.cert_file.empty()) set(CURLOPT_SSLCERT, endpoint.cert_file.c_str());
  if (!endpoint.key_file.empty()) set(CURLOPT_SSLKEY, endpoint.key_file.c_str());
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "vsctl/" VS_VERSION);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout.count()));
  if (goes_on) {
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(kStreamSilenceMax.count()));
  } else {
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  }
  if (endpoint.trace == Trace::everything) {
    set(CURLOPT_VERBOSE, 1L);
    set(CURLOPT_DEBUGFUNCTION, &show_wire);
  }
}

void Http::Connection::describe(const Endpoint& endpoint, const HttpRequest& request,
                                const HeaderList& headers) {
  set(CURLOPT_URL, ((endpoint.host.empty() ? "http://vsmgrd" : endpoint.host) + request.target).c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(CURLOPT_HTTPHEADER, headers.get());
  if (request.body.empty()) return;
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  set(CURLOPT_POSTFIELDS, request.body.data());
}

Failure Http::Connection::failure(CURLcode code, const Endpoint& endpoint,
                                  const Deadline& deadline) const {
  const std::string& name = endpoint.name();
  if (code == CURLE_OPERATION_TIMEDOUT)
    return {ExitCode::timeout,
            fmt::format("no answer from {} within {} ms", name, deadline.limit().count()),
            {}};
  if (code == CURLE_WRITE_ERROR)
    return {
        ExitCode::internal, fmt::format("the answer is larger than {} bytes", kReplyBytesMax), {}};
  if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE)
    return {ExitCode::invalid, fmt::format("talk to {}: {}", name, curl_easy_strerror(code)), {}};
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
    return {ExitCode::invalid, fmt::format("{}: {}", name, curl_easy_strerror(code)), {}};
  if (code != CURLE_COULDNT_CONNECT)
    return {ExitCode::unavailable, fmt::format("talk to {}: {}", name, curl_easy_strerror(code)), {}};
  long system_error = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &system_error);
  const auto saved = static_cast<int>(system_error);
  const std::string why = std::generic_category().message(saved);
  if (saved == EACCES || saved == EPERM)
    return {ExitCode::denied,
            fmt::format("open {}: {}: only root and the socket's group may", name, why),
            {}};
  return {ExitCode::unavailable,
          fmt::format("cannot reach vsmgrd at {}: {}: is it running?", name, why),
          {}};
}

Http::Http(Endpoint endpoint, Deadline deadline)
    : endpoint_(std::move(endpoint)),
      deadline_(deadline),
      connection_(std::make_unique<Connection>()) {}

Http::~Http() = default;

Outcome<> Http::check_endpoint() const {
  if (!endpoint_.host.empty()) {
    if (!endpoint_.host.starts_with("https://"))
      return give_up(ExitCode::invalid, fmt::format("host {}: only https:// is spoken", endpoint_.host));
    return {};
  }
  if (endpoint_.socket_path.empty())
    return give_up(ExitCode::invalid, "the path of the daemon's socket is empty");
  if (endpoint_.socket_path.size() > kSocketPathBytesMax)
    return give_up(ExitCode::invalid, fmt::format("{}: a socket's path has at most {} bytes",
                                                  endpoint_.socket_path, kSocketPathBytesMax));
  return {};
}

Outcome<HttpReply> Http::send(const HttpRequest& request) { return perform(request, {}); }

Outcome<HttpReply> Http::stream(const HttpRequest& request, const OnPiece& on_piece) {
  return perform(request, {.on_piece = &on_piece});
}

Outcome<> Http::relay(const HttpRequest& request, const OnHead& on_head, const OnPiece& on_piece) {
  auto passed = perform(request, {.on_head = &on_head, .on_piece = &on_piece});
  if (!passed) return give_up(std::move(passed.error()));
  return {};
}

Outcome<HttpReply> Http::perform(const HttpRequest& request, const Sinks& sinks) {
  const OnPiece* const on_piece = sinks.on_piece;
  if (auto usable = check_endpoint(); !usable) return give_up(std::move(usable.error()));
  if (on_piece == nullptr && deadline_.passed())  // libcurl takes 0 for "for ever"
    return give_up(connection_->failure(CURLE_OPERATION_TIMEDOUT, endpoint_, deadline_));

  CURL* const easy = connection_->easy.get();
  Receiver receiver{.easy = easy, .reply = {}, .on_head = sinks.on_head, .on_piece = on_piece, .head = {}};
  HeaderList headers;
  if (sinks.on_head == nullptr)
    add_header(headers, on_piece != nullptr
                            ? "Accept: text/event-stream, application/problem+json"
                            : "Accept: application/json, application/problem+json, text/plain");
  add_header(headers, "Expect:");  // or a large body waits a second for permission
  if (!endpoint_.token.empty()) add_header(headers, "Authorization: Bearer " + endpoint_.token);
  if (!request.body.empty()) add_header(headers, "Content-Type: " + request.content_type);
  for (const std::string& header : request.headers) add_header(headers, header);

  connection_->prepare(endpoint_, on_piece == nullptr ? deadline_.remaining() : deadline_.limit(),
                       on_piece != nullptr);
  connection_->describe(endpoint_, request, headers);
  connection_->set(CURLOPT_WRITEFUNCTION, &take_body);
  connection_->set(CURLOPT_WRITEDATA, static_cast<void*>(&receiver));
  connection_->set(CURLOPT_HEADERFUNCTION, &take_header);
  connection_->set(CURLOPT_HEADERDATA, static_cast<void*>(&receiver));
  const auto began = std::chrono::steady_clock::now();
  const CURLcode code = curl_easy_perform(easy);
  if (code != CURLE_OK && !receiver.ended)
    return give_up(connection_->failure(code, endpoint_, deadline_));

  long status = 0;
  const char* content_type = nullptr;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &content_type);
  receiver.reply.status = static_cast<int>(status);
  if (content_type != nullptr) receiver.reply.content_type = content_type;
  trace(request, receiver.reply,
        std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began));
  return std::move(receiver.reply);
}

void Http::trace(const HttpRequest& request, const HttpReply& reply,
                 std::chrono::milliseconds took) const {
  if (endpoint_.trace == Trace::none) return;
  fmt::print(stderr, "vsctl: {} {} -> {}, {} bytes, {} ms\n", request.method, request.target,
             reply.status, reply.body.size(), took.count());
}

void Http::hang_up() { connection_ = std::make_unique<Connection>(); }

std::string Http::escape(const std::string& segment) {
  const std::unique_ptr<char, CloseWith<&curl_free>> escaped(
      curl_easy_escape(nullptr, segment.data(), static_cast<int>(segment.size())));
  VS_CHECK(escaped != nullptr);  // out of memory
  return escaped.get();
}

}  // namespace vs::ctl
