#include "vsctl/client/http.h"

#include <strings.h>

#include <cerrno>
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

std::size_t take_body(char* data, std::size_t one, std::size_t count, void* reply) {
  std::string& body = static_cast<HttpReply*>(reply)->body;
  if (body.size() + one * count > kReplyBytesMax) return 0;  // ends the transfer: CURLE_WRITE_ERROR
  body.append(data, one * count);
  return one * count;
}

std::size_t take_header(char* data, std::size_t one, std::size_t count, void* reply) {
  constexpr std::string_view name = "etag:";
  std::string_view line(data, one * count);
  if (line.size() > name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0) {
    line.remove_prefix(name.size());
    const auto first = line.find_first_not_of(" \t");
    const auto last = line.find_last_not_of(" \t\r\n");
    if (first != std::string_view::npos)
      static_cast<HttpReply*>(reply)->etag = line.substr(first, last - first + 1);
  }
  return one * count;
}

}  // namespace

struct Http::Connection {
  Connection() { VS_CHECK(easy != nullptr); }  // out of memory

  Easy easy{curl_easy_init()};

  template <class T>
  void set(CURLoption option, T value) {
    VS_CHECK(curl_easy_setopt(easy.get(), option, value) == CURLE_OK);  // our own constants
  }
  void prepare(const std::string& socket_path, std::chrono::milliseconds timeout);
  void describe(const HttpRequest& request, const HeaderList& headers);
  [[nodiscard]] Failure failure(CURLcode code, const std::string& socket_path,
                                const Deadline& deadline) const;
};

void Http::Connection::prepare(const std::string& socket_path, std::chrono::milliseconds timeout) {
  curl_easy_reset(easy.get());  // keeps the connection
  set(CURLOPT_UNIX_SOCKET_PATH, socket_path.c_str());
  set(CURLOPT_PROXY, "");  // whatever the environment says: the daemon is on this node
  set(CURLOPT_PROTOCOLS_STR, "http");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "vsctl/" VS_VERSION);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout.count()));
}

void Http::Connection::describe(const HttpRequest& request, const HeaderList& headers) {
  set(CURLOPT_URL, ("http://vsmgrd" + request.target).c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(CURLOPT_HTTPHEADER, headers.get());
  if (request.body.empty()) return;
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  set(CURLOPT_POSTFIELDS, request.body.data());
}

Failure Http::Connection::failure(CURLcode code, const std::string& socket_path,
                                  const Deadline& deadline) const {
  if (code == CURLE_OPERATION_TIMEDOUT)
    return {ExitCode::timeout,
            fmt::format("no answer from {} within {} ms", socket_path, deadline.limit().count()),
            {}};
  if (code == CURLE_WRITE_ERROR)
    return {
        ExitCode::internal, fmt::format("the answer is larger than {} bytes", kReplyBytesMax), {}};
  if (code != CURLE_COULDNT_CONNECT)
    return {ExitCode::unavailable,
            fmt::format("talk to {}: {}", socket_path, curl_easy_strerror(code)),
            {}};
  long system_error = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &system_error);
  const auto saved = static_cast<int>(system_error);
  const std::string why = std::generic_category().message(saved);
  if (saved == EACCES || saved == EPERM)
    return {ExitCode::denied,
            fmt::format("open {}: {}: only root and the socket's group may", socket_path, why),
            {}};
  return {ExitCode::unavailable,
          fmt::format("cannot reach vsmgrd at {}: {}: is it running?", socket_path, why),
          {}};
}

Http::Http(std::string socket_path, Deadline deadline)
    : socket_path_(std::move(socket_path)),
      deadline_(deadline),
      connection_(std::make_unique<Connection>()) {}

Http::~Http() = default;

Outcome<HttpReply> Http::send(const HttpRequest& request) {
  if (socket_path_.empty())
    return give_up(ExitCode::invalid, "the path of the daemon's socket is empty");
  if (socket_path_.size() > kSocketPathBytesMax)
    return give_up(ExitCode::invalid, fmt::format("{}: a socket's path has at most {} bytes",
                                                  socket_path_, kSocketPathBytesMax));
  if (deadline_.passed())  // libcurl takes 0 for "for ever"
    return give_up(connection_->failure(CURLE_OPERATION_TIMEDOUT, socket_path_, deadline_));

  HttpReply reply;
  HeaderList headers;
  add_header(headers, "Accept: application/json, application/problem+json, text/plain");
  add_header(headers, "Expect:");  // or a large body waits a second for permission
  if (!request.body.empty()) add_header(headers, "Content-Type: application/json");
  for (const std::string& header : request.headers) add_header(headers, header);

  connection_->prepare(socket_path_, deadline_.remaining());
  connection_->describe(request, headers);
  connection_->set(CURLOPT_WRITEFUNCTION, &take_body);
  connection_->set(CURLOPT_WRITEDATA, static_cast<void*>(&reply));
  connection_->set(CURLOPT_HEADERFUNCTION, &take_header);
  connection_->set(CURLOPT_HEADERDATA, static_cast<void*>(&reply));
  if (const CURLcode code = curl_easy_perform(connection_->easy.get()); code != CURLE_OK)
    return give_up(connection_->failure(code, socket_path_, deadline_));

  long status = 0;
  const char* content_type = nullptr;
  curl_easy_getinfo(connection_->easy.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(connection_->easy.get(), CURLINFO_CONTENT_TYPE, &content_type);
  reply.status = static_cast<int>(status);
  if (content_type != nullptr) reply.content_type = content_type;
  return reply;
}

void Http::hang_up() { connection_ = std::make_unique<Connection>(); }

std::string Http::escape(const std::string& segment) {
  const std::unique_ptr<char, CloseWith<&curl_free>> escaped(
      curl_easy_escape(nullptr, segment.data(), static_cast<int>(segment.size())));
  VS_CHECK(escaped != nullptr);  // out of memory
  return escaped.get();
}

}  // namespace vs::ctl
