/* Channels themselves: created, and what they are told and changed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/client/channels.h"

enum { kToldMax = sizeof(struct vs_pubsub_parameters) + sizeof(struct vs_pubsub_declaration) + VS_DECLARATION_BYTES_MAX };

/* The texts of a declaration, in its order. */
enum { kTexts = 5 };
static const char **text_of(struct vs_channel_parameters *parameters, int number) {
  const char **texts[kTexts] = {&parameters->content_type, &parameters->schema, &parameters->source, &parameters->filter,
                                &parameters->operators};
  return texts[number];
}
static uint16_t *bytes_of(struct vs_pubsub_declaration *declaration, int number) {
  uint16_t *bytes[kTexts] = {&declaration->content_type_bytes, &declaration->schema_bytes, &declaration->source_bytes,
                             &declaration->filter_bytes, &declaration->operators_bytes};
  return bytes[number];
}

/* Everything behind the parameters: the channel's name, or a declaration with it. NULL: -ENOMEM. */
static char *write_definition(const char *channel, struct vs_channel_parameters *given, bool declares, size_t *bytes) {
  struct vs_pubsub_declaration declaration = {.channel_bytes = (uint16_t)strlen(channel)};
  *bytes = (declares ? sizeof declaration : 0) + strlen(channel);
  for (int i = 0; declares && i < kTexts; ++i) {
    const char *text = *text_of(given, i);
    *bytes_of(&declaration, i) = (uint16_t)(text != NULL ? strlen(text) : 0);
    *bytes += *bytes_of(&declaration, i);
  }
  char *written = malloc(*bytes + 1);
  if (written == NULL) return NULL;
  char *at = written;
  if (declares) memcpy(at, &declaration, sizeof declaration);
  at = stpcpy(at + (declares ? sizeof declaration : 0), channel);
  for (int i = 0; declares && i < kTexts; ++i)
    if (*text_of(given, i) != NULL) at = stpcpy(at, *text_of(given, i));
  return written;
}

static int ask_about(struct vs_device *device, uint16_t type, const void *head, size_t head_bytes, const void *body, size_t body_bytes,
                     int timeout_ms, struct vs_asked *asked) {
  struct vs_channels *channels = NULL;
  const int64_t deadline_ms = vs_now_ms() + timeout_ms;
  int status = vs_channels_of(device, &channels);
  if (status != 0) return status;
  do /* each of these can be asked twice */
    status = vs_channels_ask(device, type, head, head_bytes, body, body_bytes, deadline_ms, asked);
  while (status == -ECONNRESET);
  return status;
}

static int define(struct vs_device *device, uint16_t type, const char *channel, const struct vs_channel_parameters *parameters,
                  int timeout_ms) {
  struct vs_channel_parameters given = *parameters;
  bool declares = false;
  size_t texts_bytes = 0, bytes = 0;
  if (channel == NULL || strlen(channel) > VS_CHANNEL_BYTES_MAX) return -EINVAL;
  for (int i = 0; i < kTexts; ++i) {
    const size_t length = *text_of(&given, i) != NULL ? strlen(*text_of(&given, i)) : 0;
    texts_bytes += length;
    declares = declares || length != 0;
    if (length > VS_DECLARATION_BYTES_MAX || texts_bytes > VS_DECLARATION_BYTES_MAX) return -EMSGSIZE;
  }
  const struct vs_pubsub_parameters head = {
      .event_bytes_max = given.event_bytes_max,
      .expires_ms = given.expires_ms,
      .flags = (given.retained ? 0u : (uint32_t)VS_PUBSUB_NOT_RETAINED) | (declares ? (uint32_t)VS_PUBSUB_DECLARED : 0u)};
  char *body = write_definition(channel, &given, declares, &bytes);
  if (body == NULL) return -ENOMEM;
  struct vs_asked asked = {0};
  const int status = ask_about(device, type, &head, sizeof head, body, bytes, timeout_ms, &asked);
  free(body);
  return status;
}

int vs_channel_create(struct vs_device *device, const char *channel, const struct vs_channel_parameters *parameters, int timeout_ms) {
  const struct vs_channel_parameters none = {.retained = 1};
  return define(device, VS_PUBSUB_CREATE, channel, parameters != NULL ? parameters : &none, timeout_ms);
}

int vs_channel_set(struct vs_device *device, const char *channel, const struct vs_channel_parameters *parameters, int timeout_ms) {
  return parameters != NULL ? define(device, VS_PUBSUB_SET, channel, parameters, timeout_ms) : -EINVAL;
}

/* The backend is not trusted: its lengths are judged. The texts are kept as C strings, one behind the other. */
static int read_declaration(struct vs_channels *channels, const unsigned char *body, size_t bytes, struct vs_channel_parameters *into) {
  struct vs_pubsub_declaration declaration;
  if (bytes < sizeof declaration) return -EPROTO;
  memcpy(&declaration, body, sizeof declaration);
  size_t left = bytes - sizeof declaration;
  const unsigned char *from = body + sizeof declaration;
  char *kept = malloc(left + kTexts);
  if (kept == NULL) return -ENOMEM;
  free(channels->declared);
  channels->declared = kept;
  for (int i = 0; i < kTexts; ++i) {
    const size_t length = *bytes_of(&declaration, i);
    if (length > left || memchr(from, '\0', length) != NULL) return -EPROTO;
    memcpy(kept, from, length);
    kept[length] = '\0';
    *text_of(into, i) = kept;
    kept += length + 1;
    from += length;
    left -= length;
  }
  return left == 0 ? 0 : -EPROTO;
}

int vs_channel_get(struct vs_device *device, const char *channel, struct vs_channel_parameters *parameters, int timeout_ms) {
  if (channel == NULL || strlen(channel) > VS_CHANNEL_BYTES_MAX) return -EINVAL;
  struct vs_asked asked = {.body = malloc(kToldMax), .body_max = kToldMax};
  if (asked.body == NULL) return -ENOMEM;
  struct vs_pubsub_parameters found;
  int status = ask_about(device, VS_PUBSUB_GET, NULL, 0, channel, strlen(channel), timeout_ms, &asked);
  if (status == 0 && asked.body_bytes < sizeof found) status = -EPROTO;
  struct vs_channel_parameters told = {.content_type = "", .schema = "", .source = "", .filter = "", .operators = ""};
  if (status == 0) {
    memcpy(&found, asked.body, sizeof found);
    told.event_bytes_max = found.event_bytes_max;
    told.expires_ms = found.expires_ms;
    told.retained = (found.flags & VS_PUBSUB_NOT_RETAINED) == 0;
    told.subscribers = found.subscribers;
    told.sequence = found.sequence;
    const size_t rest = asked.body_bytes - sizeof found;
    if ((found.flags & VS_PUBSUB_DECLARED) != 0)
      status = read_declaration(device->channels, asked.body + sizeof found, rest, &told);
    else if (rest != 0)
      status = -EPROTO;
  }
  if (status == 0) *parameters = told;
  free(asked.body);
  return status;
}

const char *vs_channel_why(const struct vs_device *device) { return device->why; }
