import { hash } from "node:crypto";
import { isIP, type Socket } from "node:net";
import type * as Nodemailer from "nodemailer";
import type { Egress } from "../../kit/egress.ts";
import { guardedSocket } from "../../kit/egress-connect.ts";
import { tlsOptions } from "../../kit/tls.ts";
import type { ConnectContext } from "../../kit/trigger.ts";
import { abortable } from "../../lib/abort.ts";
import type { EmailConfig } from "./config.ts";
import { mailFault } from "./faults.ts";

/** One mail to one mailbox. */
export interface Mail {
  readonly from: string;
  /** The sender's mailbox, as the server is told it. */
  readonly mailbox: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** What nodemailer wants to be told. */
type Opened = (error: Error | null, options: { readonly connection: Socket } | undefined) => void;

const connectTimeoutMs = 30_000;
const answerTimeoutMs = 60_000;
/** Deliveries that are remembered, so that a retry leaves out the mailboxes that have theirs. */
const mostRemembered = 10_000;

/** The connections to one SMTP server, kept between firings. */
export class Mailer implements AsyncDisposable {
  readonly #transport: ReturnType<typeof Nodemailer.createTransport>;
  readonly #delivered = new Set<string>();

  constructor(transport: ReturnType<typeof Nodemailer.createTransport>) {
    this.#transport = transport;
  }

  /**
   * Sends the mails that have not been sent under this key: all are tried, and then the first fault is thrown. The Message-ID
   * is made of the key and the mailbox, so that a mail that is there twice after a crash is seen to be one.
   */
  async send(mails: readonly Mail[], { key, signal }: { readonly key: string; readonly signal: AbortSignal }) {
    let fault: unknown;
    for (const mail of mails) {
      signal.throwIfAborted();
      const id = messageId(key, mail);
      if (this.#delivered.has(id)) continue;
      try {
        await this.#one(mail, id, signal);
        this.#remember(id);
      } catch (error) {
        if (signal.aborted) throw error;
        fault ??= mailFault(`a mail to ${mail.to}`, error);
      }
    }
    if (fault !== undefined) throw fault;
  }

  async #one({ from, mailbox, to, subject, text }: Mail, id: string, signal: AbortSignal): Promise<void> {
    const sending = this.#transport.sendMail({
      messageId: id,
      envelope: { from: mailbox, to: [to] },
      from,
      // not parsed: it is one mailbox, whatever is in it
      to: { name: "", address: to },
      subject,
      text,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    await abortable(sending, signal);
  }

  #remember(id: string): void {
    this.#delivered.add(id);
    const [oldest] = this.#delivered;
    if (this.#delivered.size > mostRemembered && oldest !== undefined) this.#delivered.delete(oldest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#transport.close();
  }
}

/** The same for the same firing and mailbox, at each attempt. */
function messageId(key: string, { mailbox, to }: Mail): string {
  return `<${hash("sha256", `${key}\n${to}`).slice(0, 32)}@${mailbox.slice(mailbox.lastIndexOf("@") + 1)}>`;
}

export async function openMailer(cx: ConnectContext<EmailConfig>): Promise<Mailer> {
  const { host = "", port = 587, username, smtpPassword, tls, requireTLS } = cx.config;
  const sdk = await cx.sdk("nodemailer", () => import("nodemailer"));
  const pass = smtpPassword === undefined ? "" : await cx.secret(smtpPassword);
  const login = username ? { auth: { user: username, pass } } : {};
  const options = {
    host,
    port,
    secure: port === 465,
    requireTLS: port !== 465 && (requireTLS ?? (username !== undefined && username !== "" && !isLocal(host))),
    ...login,
    tls: { ...(isIP(host) === 0 ? { servername: host } : {}), ...(await tlsOptions(tls, cx.secret)) },
    pool: true,
    maxConnections: 5,
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    socketTimeout: answerTimeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    getSocket: (_: unknown, opened: Opened) => openConnection(cx.egress, { host, port }, opened),
  } as const;
  return new Mailer(sdk.createTransport(options));
}

/** In place of nodemailer's own way: it looks names up by itself, and asks nobody for leave. */
function openConnection(egress: Egress, place: { readonly host: string; readonly port: number }, opened: Opened): void {
  const socket = guardedSocket(egress, place);
  const failed = (error: Error): void => {
    clearTimeout(timer);
    opened(error, undefined);
  };
  const late = (): void => {
    const text = `no connection to ${place.host}:${place.port} within ${connectTimeoutMs / 1000} s`;
    socket.destroy(Object.assign(new Error(text), { code: "ETIMEDOUT", command: "CONN" }));
  };
  const timer = setTimeout(late, connectTimeoutMs);
  socket.once("error", failed);
  socket.once("connect", () => {
    clearTimeout(timer);
    socket.off("error", failed);
    opened(null, { connection: socket });
  });
}

function isLocal(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}
