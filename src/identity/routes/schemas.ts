import { z } from "zod";
import { Me, Time, TimeInput, Username } from "../../../protocol/objects.ts";
import { Snowflake, UserId } from "../../../protocol/rooms.ts";
import { content, nameText, patternText, text } from "../../../protocol/text.ts";

export const Email = text(254).check(z.email("an e-mail address"));
/** Length is what makes a password strong (NIST SP 800-63B): no rule requires characters of any kind. */
export const NewPassword = z.string().min(8, "at least 8 characters").max(256, "at most 256 characters");
/** One that is only compared: any text, so that the rules of passwords are not disclosed here. */
export const Password = z.string().min(1).max(256);
export const Name = nameText(80);
const Phone = patternText(32, /^\+?[0-9][0-9 ().-]{2,30}$/, "a phone number, such as +49 30 123456");
const DeviceName = nameText(100);
/** 256 bits in base64url: refresh tokens and the tokens in reset links. Anything else simply is not one. */
export const Secret = z.string().min(1).max(200);

export const Credentials = z.object({
  access_token: z.string(),
  expires_in: z.number().int().meta({ description: "Seconds." }),
  refresh_token: z.string(),
});
export const SignedIn = Credentials.extend({ user: Me }).meta({ id: "SignedIn" });
export const Refreshed = Credentials.extend({
  refresh_token: z.string().nullable().meta({ description: "Null when the session's cookie was sent instead." }),
});

export const Session = z
  .object({
    id: Snowflake,
    device_name: z.string().nullable(),
    ip: z.string().nullable(),
    user_agent: z.string().nullable(),
    created_at: Time,
    last_seen_at: Time,
    current: z.boolean(),
  })
  .meta({ id: "Session" });

export const ConnectionToken = z.object({ token: z.string(), expires_in: z.number().int() });

export const Ban = z
  .object({
    id: Snowflake,
    user_id: UserId.nullable().meta({ description: "A ban is of a person or of a range of addresses." }),
    username: z.string().nullable(),
    ip_range: z.string().nullable(),
    reason: z.string(),
    until: Time.nullable(),
    created_by: UserId,
    created_at: Time,
  })
  .meta({ id: "Ban" });

export const RegistrationInvite = z
  .object({
    id: Snowflake,
    code: z.string(),
    url: z.string(),
    max_uses: z.number().int(),
    uses: z.number().int(),
    expires_at: Time.nullable(),
    created_by: UserId,
    created_at: Time,
  })
  .meta({ id: "RegistrationInvite" });

export const ResetLink = z.object({
  user_id: UserId,
  username: z.string(),
  url: z.string(),
  requested_at: Time,
  expires_at: Time,
});

export const RegisterBody = z.strictObject({
  email: Email,
  username: Username,
  password: NewPassword,
  name: Name.nullish(),
  phone: Phone.nullish(),
  invite_code: z.string().max(100).nullish(),
  setup_code: z.string().max(100).nullish().meta({
    description:
      "For the first account, when it is not created on the server's own machine: the server's log shows it.",
  }),
});

export const LoginBody = z.strictObject({
  email: z.string().min(1).max(254).optional(),
  username: z.string().min(1).max(64).optional(),
  password: Password,
  device_name: DeviceName.nullish(),
});

export const UpdateMeBody = z.strictObject({
  username: Username.optional(),
  name: Name.nullish(),
  phone: Phone.nullish(),
});

export const BanBody = z.strictObject({
  user_id: UserId.optional(),
  ip_range: z.string().min(1).max(50).optional().meta({
    description: "Instead of `user_id`: an address or a range, such as `192.0.2.0/24`; of IPv6 a /64 or more.",
  }),
  reason: content(500),
  until: TimeInput.nullish(),
});

export const InviteBody = z.strictObject({
  max_uses: z.number().int().min(1).max(10_000).default(1),
  expires_in: z
    .number()
    .int()
    .min(60)
    .max(31_536_000)
    .nullish()
    .meta({ description: "Seconds. Default: seven days; null: never." }),
});
