#include "support/process.h"

#include "support/note.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, START_FAILED = 127, RUN_TIMEOUT_MS = 60000 };

/* Gives up root for good. */
static bool drop_privileges(void) {
    return geteuid() != 0 || (setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                              setresuid(NOBODY, NOBODY, NOBODY) == 0);
}

static bool limit_fds(size_t max) {
    struct rlimit limit = {.rlim_cur = max, .rlim_max = max};
    return max == 0 || setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* In the child: the state in which a program expects to be started. */
static void prepare_child(const struct process *process, const struct process_options *options,
                          pid_t parent) {
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    int null_fd = open("/dev/null", O_RDWR);
    bool ready = null_fd >= 0 && dup2(null_fd, STDIN_FILENO) >= 0 &&
                 dup2(process->out_fd, STDOUT_FILENO) >= 0 &&
                 dup2(process->err_fd, STDERR_FILENO) >= 0;
    if (null_fd > STDERR_FILENO)
        (void)close(null_fd);
    if (options != NULL) {
        ready = ready && (options->directory == NULL || chdir(options->directory) == 0);
        ready = ready && limit_fds(options->max_fds);
        ready = ready && (!options->unprivileged || drop_privileges());
    }
    /* After the change of user, which clears it. */
    ready = ready && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
    if (!ready) {
        perror("the child cannot be prepared");
        _exit(START_FAILED);
    }
}

static int make_memory_file(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0)
        fail_msg("memfd_create: %s", strerror(errno));
    /* Several processes write to it, and each has to write behind the others. */
    (void)fcntl(fd, F_SETFL, O_APPEND);
    /* An unprivileged child may want to open it again as /dev/stderr. */
    (void)fchmod(fd, 0666);
    return fd;
}

/* Forks; returns true in the child, prepared. */
static bool fork_child(struct process *process, const struct process_options *options) {
    pid_t parent = getpid();
    process->out_fd = make_memory_file("stdout");
    process->err_fd = make_memory_file("stderr");
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)fflush(NULL);
    process->pid = fork();
    if (process->pid < 0)
        fail_msg("fork: %s", strerror(errno));
    if (process->pid > 0)
        return false;
    prepare_child(process, options, parent);
    return true;
}

void process_start(struct process *process, const struct process_options *options,
                   const char *const argv[]) {
    /* The binary is opened before the user changes, who may not be let through to its path. */
    int binary_fd = strchr(argv[0], '/') != NULL ? open(argv[0], O_RDONLY | O_CLOEXEC) : -1;
    if (fork_child(process, options)) {
        char *const *words = (char *const *)(uintptr_t)argv;
        if (binary_fd >= 0 && options != NULL && options->unprivileged)
            (void)fexecve(binary_fd, words, environ);
        else
            (void)execvp(argv[0], words);
        perror(argv[0]);
        _exit(START_FAILED);
    }
    if (binary_fd >= 0)
        (void)close(binary_fd);
}

void process_fork(struct process *process, void (*run)(void *context), void *context) {
    if (fork_child(process, NULL)) {
        run(context);
        _exit(0);
    }
}

bool process_wait(struct process *process, int timeout_ms) {
    int64_t deadline = note_now_ms() + timeout_ms;
    while (process->pid > 0) {
        pid_t ended = waitpid(process->pid, &process->status, WNOHANG);
        if (ended == process->pid)
            process->pid = -1;
        else if (note_now_ms() >= deadline)
            return false;
        else
            note_pause_ms(2);
    }
    return true;
}

int process_exit_code(const struct process *process) {
    if (WIFSIGNALED(process->status))
        return -WTERMSIG(process->status);
    return WEXITSTATUS(process->status);
}

char *process_text(int fd) {
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        fail_msg("fstat: %s", strerror(errno));
    size_t room = (size_t)stat.st_size;
    char *text = malloc(room + 1);
    assert_non_null(text);
    ssize_t len = pread(fd, text, room, 0);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void close_fd(int *fd) {
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

void process_deinit(struct process *process) {
    if (process->pid > 0) {
        (void)kill(process->pid, SIGKILL);
        (void)process_wait(process, 10000);
    }
    close_fd(&process->out_fd);
    close_fd(&process->err_fd);
}

char *process_run(const char *const argv[], int *exit_code) {
    struct process process = PROCESS_INIT;
    process_start(&process, NULL, argv);
    assert_true(process_wait(&process, RUN_TIMEOUT_MS));
    char *out = process_text(process.out_fd);
    char *err = process_text(process.err_fd);
    *exit_code = process_exit_code(&process);
    if (*exit_code != 0)
        note_say("%s: exit code %d: %s", argv[0], *exit_code, err);
    if (*exit_code == START_FAILED)
        fail_msg("%s cannot be run; `make deps` installs it", argv[0]);
    free(err);
    process_deinit(&process);
    return out;
}

/* The state letter of /proc/PID/stat, or 0. It follows the name, which is in parentheses. */
static char state_of(pid_t pid) {
    char path[64];
    char text[512];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return '\0';
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    const char *after = strrchr(text, ')');
    return after != NULL && after[1] == ' ' ? after[2] : '\0';
}

bool process_is_alive(pid_t pid) {
    char state = state_of(pid);
    return state != '\0' && state != 'Z' && state != 'X';
}

/* Includes zombies. */
static size_t list_children(pid_t pid, pid_t *children, size_t max) {
    char path[64];
    size_t count = 0;
    int child;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        if (state_of(pid) != '\0' && access(path, R_OK) != 0 && process_is_alive(pid))
            fail_msg("%s: the kernel has no CONFIG_PROC_CHILDREN", path);
        return 0;
    }
    while (count < max && fscanf(file, "%d", &child) == 1)
        children[count++] = child;
    (void)fclose(file);
    return count;
}

size_t process_children(pid_t pid, pid_t *children, size_t max) {
    size_t count = list_children(pid, children, max);
    size_t alive = 0;
    for (size_t i = 0; i < count; i++) {
        if (process_is_alive(children[i]))
            children[alive++] = children[i];
    }
    return alive;
}

size_t process_count_zombies(pid_t pid) {
    pid_t children[64];
    size_t count = list_children(pid, children, 64);
    size_t zombies = 0;
    for (size_t i = 0; i < count; i++)
        zombies += state_of(children[i]) == 'Z';
    return zombies;
}

void process_kill_all(void) {
    pid_t children[64];
    size_t count;
    /* Killing a master gives us its workers as children: hence until there are none. */
    while ((count = list_children(getpid(), children, 64)) > 0) {
        for (size_t i = 0; i < count; i++) {
            (void)kill(children[i], SIGKILL);
            (void)waitpid(children[i], NULL, 0);
        }
    }
}

size_t process_count_fds(pid_t pid) {
    char path[64];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(directory);
    return count;
}

size_t process_memory(pid_t pid, const char *line) {
    char path[64];
    char text[256];
    size_t kib = 0;
    size_t name_len = strlen(line);
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail_msg("%s: %s", path, strerror(errno));
    while (fgets(text, sizeof text, file) != NULL) {
        if (strncmp(text, line, name_len) == 0 && text[name_len] == ':')
            kib = strtoul(text + name_len + 1, NULL, 10);
    }
    (void)fclose(file);
    return kib * 1024;
}

void process_cpus(cpu_set_t *all, cpu_set_t *first) {
    assert_int_equal(sched_getaffinity(0, sizeof *all, all), 0);
    CPU_ZERO(first);
    for (size_t i = 0; CPU_COUNT(first) == 0; i++) {
        if (CPU_ISSET(i, all))
            CPU_SET(i, first);
    }
}
