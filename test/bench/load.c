/*
 * Load on an MQTT 3.1.1 broker or on a flow engine behind one: one thread, epoll, so that the driver is never the limit.
 * Prints one line of JSON. CPU time and memory are those of the program under test, from /proc.
 *
 *   load -p PORT -B PID [-P publishers] [-S subscribers] [-q 0|1] [-w window] [-s seconds] [-f] [-I topic -O topic]
 *   load -p PORT -B PID -i CONNECTIONS [-s seconds]
 *
 * Closed loop: at most `window` messages a publisher are under way. Publisher n writes to t/<n>, subscriber n reads it;
 * -f: one topic for all of them (fan-out); -I and -O: what goes in at one topic comes out at another, once.
 * -i: so many connections that subscribe and then say nothing; -u NAME -k PASSWORD: credentials.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECT = 0x10, CONNACK = 2, PUBLISH = 3, PUBACK = 4, SUBSCRIBE = 0x82, SUBACK = 9 };
enum { PAYLOAD = 100, READ = 65536, EVENTS = 512, SAMPLES = 1 << 20, WARM_UP_SHARE = 5 };

typedef struct {
  uint8_t *bytes;
  size_t length, sent, room;
} Buffer;

typedef struct {
  int socket, publishes, number;
  Buffer in, out;
  uint64_t published, acknowledged;
  uint16_t id;
} Client;

static struct {
  int port, pid, publishers, subscribers, qos, window, idle, fan_out;
  double seconds;
  const char *in, *out, *user, *password;
} run = {.publishers = 1, .subscribers = 1, .window = 100, .seconds = 1};

static Client *clients;
static int count, ready, measuring;
static uint64_t published, received, latencies;
static double latency_us[SAMPLES];

static void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "refused");
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static long resident_kb(void) {
  char path[64], line[256];
  long kb = -1;
  snprintf(path, sizeof path, "/proc/%d/status", run.pid);
  FILE *file = fopen(path, "r");
  if (!file) fail(path);
  while (fgets(line, sizeof line, file)) sscanf(line, "VmRSS: %ld", &kb);
  fclose(file);
  return kb;
}

static double cpu_seconds(void) {
  char path[64], text[2048];
  unsigned long user, system;
  snprintf(path, sizeof path, "/proc/%d/stat", run.pid);
  FILE *file = fopen(path, "r");
  if (!file) fail(path);
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  return (user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void put(Buffer *buffer, const void *bytes, size_t length) {
  if (buffer->sent == buffer->length) buffer->sent = buffer->length = 0;
  if (buffer->length + length > buffer->room) {
    buffer->room = (buffer->length + length) * 2;
    buffer->bytes = realloc(buffer->bytes, buffer->room);
  }
  memcpy(buffer->bytes + buffer->length, bytes, length);
  buffer->length += length;
}

static size_t text(uint8_t *at, const char *string) {
  size_t length = strlen(string);
  at[0] = length >> 8;
  at[1] = length;
  memcpy(at + 2, string, length);
  return length + 2;
}

static void packet(Client *client, uint8_t first, const uint8_t *body, size_t length) {
  uint8_t head[5] = {first};
  size_t at = 1, rest = length;
  do {
    head[at] = rest % 128;
    rest /= 128;
    if (rest) head[at] |= 128;
    at++;
  } while (rest);
  put(&client->out, head, at);
  put(&client->out, body, length);
}

static void flush(Client *client) {
  Buffer *out = &client->out;
  while (out->sent < out->length) {
    ssize_t wrote = write(client->socket, out->bytes + out->sent, out->length - out->sent);
    if (wrote < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (wrote <= 0) fail("write");
    out->sent += wrote;
  }
}

static void topic_of(const Client *client, char *topic) {
  const char *given = client->publishes ? run.in : run.out;
  if (given) strcpy(topic, given);
  else sprintf(topic, "t/%d", run.fan_out ? 0 : client->number);
}

static void say_connect(Client *client) {
  uint8_t body[512];
  char id[64];
  size_t at = text(body, "MQTT");
  body[at++] = 4;
  body[at++] = 2 | (run.user ? 0xc0 : 0);
  body[at++] = 0;
  body[at++] = 0;
  snprintf(id, sizeof id, "load-%d-%d-%d", getpid(), client->publishes, client->number);
  at += text(body + at, id);
  if (run.user) {
    at += text(body + at, run.user);
    at += text(body + at, run.password);
  }
  packet(client, CONNECT, body, at);
  flush(client);
}

static void subscribe(Client *client) {
  uint8_t body[256] = {0, 1};
  char topic[200];
  topic_of(client, topic);
  size_t at = 2 + text(body + 2, topic);
  body[at++] = run.qos;
  packet(client, SUBSCRIBE, body, at);
}

static void publish(Client *client) {
  uint8_t body[512];
  char topic[200];
  topic_of(client, topic);
  size_t at = text(body, topic);
  if (run.qos) {
    client->id = client->id % 65535 + 1;
    body[at++] = client->id >> 8;
    body[at++] = client->id;
  }
  /* JSON, so that a flow engine can read it; the time of sending comes back in it. */
  int length = snprintf((char *)body + at, PAYLOAD + 1, "{\"number\":%llu,\"text\":\"", (unsigned long long)now_ns());
  memset(body + at + length, 'x', PAYLOAD - length - 2);
  memcpy(body + at + PAYLOAD - 2, "\"}", 2);
  packet(client, PUBLISH << 4 | run.qos << 1, body, at + PAYLOAD);
  client->published++;
  published++;
}

static void received_one(Client *client, uint8_t first, const uint8_t *body, size_t length) {
  size_t at = 2 + (body[0] << 8 | body[1]);
  if (first >> 1 & 3) {
    uint8_t ack[4] = {PUBACK << 4, 2, body[at], body[at + 1]};
    put(&client->out, ack, 4);
    at += 2;
  }
  received++;
  if (!measuring || received % 16 || latencies == SAMPLES) return;
  const char *number = memmem(body + at, length - at, "\"number\":", 9);
  if (number) latency_us[latencies++] = (now_ns() - strtoull(number + 9, 0, 10)) / 1e3;
}

static void handle(Client *client, uint8_t first, const uint8_t *body, size_t length) {
  switch (first >> 4) {
  case CONNACK:
    errno = 0;
    if (body[1]) fail("CONNACK");
    if (client->publishes) ready++;
    else subscribe(client);
    break;
  case SUBACK: ready++; break;
  case PUBACK: client->acknowledged++; break;
  case PUBLISH: received_one(client, first, body, length); break;
  }
}

static void take(Client *client) {
  Buffer *in = &client->in;
  for (;;) {
    if (in->room - in->length < READ) in->bytes = realloc(in->bytes, in->room = in->room * 2 + READ);
    ssize_t got = read(client->socket, in->bytes + in->length, READ);
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) fail("read");
    in->length += got;
    size_t at = 0;
    for (;;) {
      size_t body = at + 1, length = 0, shift = 0;
      int whole = 0;
      while (!whole && body < in->length && shift < 28) {
        length |= (size_t)(in->bytes[body] & 127) << shift;
        shift += 7;
        whole = in->bytes[body++] < 128;
      }
      if (!whole || body + length > in->length) break;
      handle(client, in->bytes[at], in->bytes + body, length);
      at = body + length;
    }
    memmove(in->bytes, in->bytes + at, in->length -= at);
    if (got < READ) break;
  }
  flush(client);
  /* Ten thousand idle connections must not cost the driver what it is to measure in the broker. */
  if (run.idle) free(in->bytes), memset(in, 0, sizeof *in);
}

static void wait_for(int epoll, int timeout_ms) {
  struct epoll_event events[EVENTS];
  int n = epoll_wait(epoll, events, EVENTS, timeout_ms);
  for (int i = 0; i < n; i++) take(events[i].data.ptr);
}

static void connect_all(int epoll) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(run.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int one = 1;
  for (int i = 0; i < count; i++) {
    Client *client = clients + i;
    client->publishes = i >= run.subscribers;
    client->number = client->publishes ? i - run.subscribers : i;
    client->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client->socket, (void *)&address, sizeof address)) fail("connect");
    setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(client->socket, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(epoll, EPOLL_CTL_ADD, client->socket, &event);
    say_connect(client);
    while (i - ready > 100) wait_for(epoll, 100);
  }
  while (ready < count) wait_for(epoll, 1000);
}

/* Each publisher sends what its window lets it. */
static void publish_all(uint64_t copies) {
  for (int progress = 1, turns = 64; progress && turns; turns--) {
    progress = 0;
    for (int i = run.subscribers; i < count; i++) {
      Client *client = clients + i;
      if (client->out.length - client->out.sent > READ) continue;
      if (run.qos && client->published - client->acknowledged >= (uint64_t)run.window) continue;
      if ((int64_t)(published - received / copies) >= (int64_t)run.window * run.publishers) continue;
      publish(client);
      progress = 1;
    }
  }
  for (int i = run.subscribers; i < count; i++) flush(clients + i);
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void measure_throughput(int epoll) {
  uint64_t copies = run.fan_out ? run.subscribers : 1;
  uint64_t begin = now_ns(), length = run.seconds * 1e9, warm = begin + length / WARM_UP_SHARE, end = warm + length;
  uint64_t from = 0, received_before = 0;
  double cpu_before = 0;
  for (uint64_t now = begin; now < end; now = now_ns()) {
    if (!measuring && now >= warm) {
      measuring = 1;
      from = now;
      received_before = received;
      cpu_before = cpu_seconds();
    }
    publish_all(copies);
    wait_for(epoll, 1);
  }
  double seconds = (now_ns() - from) / 1e9, cpu = cpu_seconds() - cpu_before;
  uint64_t messages = received - received_before;
  qsort(latency_us, latencies, sizeof *latency_us, by_size);
  printf("{\"messages\":%llu,\"seconds\":%.3f,\"cpuSeconds\":%.2f,\"p50Us\":%.0f,\"p99Us\":%.0f,\"residentKb\":%ld}\n",
         (unsigned long long)messages, seconds, cpu, latencies ? latency_us[latencies / 2] : 0,
         latencies ? latency_us[latencies * 99 / 100] : 0, resident_kb());
}

static void measure_idle(int epoll, long before_kb) {
  double cpu = cpu_seconds();
  for (uint64_t end = now_ns() + run.seconds * 1e9; now_ns() < end;) wait_for(epoll, 100);
  long after_kb = resident_kb();
  printf("{\"connections\":%d,\"residentBeforeKb\":%ld,\"residentKb\":%ld,\"cpuSeconds\":%.2f}\n", run.idle, before_kb,
         after_kb, cpu_seconds() - cpu);
}

int main(int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "p:B:P:S:q:w:s:i:I:O:u:k:f")) != -1;) switch (option) {
    case 'p': run.port = atoi(optarg); break;
    case 'B': run.pid = atoi(optarg); break;
    case 'P': run.publishers = atoi(optarg); break;
    case 'S': run.subscribers = atoi(optarg); break;
    case 'q': run.qos = atoi(optarg); break;
    case 'w': run.window = atoi(optarg); break;
    case 's': run.seconds = atof(optarg); break;
    case 'i': run.idle = atoi(optarg); break;
    case 'I': run.in = optarg; break;
    case 'O': run.out = optarg; break;
    case 'u': run.user = optarg; break;
    case 'k': run.password = optarg; break;
    case 'f': run.fan_out = 1; break;
    default: return 2;
    }
  if (run.idle) run.publishers = 0, run.subscribers = run.idle;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  count = run.publishers + run.subscribers;
  clients = calloc(count, sizeof *clients);
  int epoll = epoll_create1(0);
  long before_kb = resident_kb();
  connect_all(epoll);
  if (run.idle) measure_idle(epoll, before_kb);
  else measure_throughput(epoll);
  return 0;
}
