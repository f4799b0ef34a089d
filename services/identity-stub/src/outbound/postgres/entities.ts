import { defineEntity, p } from '@mikro-orm/postgresql';

/** Ids sort by their bytes on every server, not by the rules of a language. */
const idCollation = 'C';

/** Table `signing_key`: a private key that signs tokens. */
export const SigningKeyRow = defineEntity({
  name: 'SigningKey',
  tableName: 'signing_key',
  properties: {
    kid: p.text().primary().collation(idCollation),
    jwk: p.json(),
    createTime: p.datetime(6),
  },
});

/** Table `stored_model`: what oidc-provider stores until it expires, by the name of its model. */
export const StoredModelRow = defineEntity({
  name: 'StoredModel',
  tableName: 'stored_model',
  properties: {
    model: p.text().primary().collation(idCollation),
    id: p.text().primary().collation(idCollation),
    payload: p.json(),
    grantId: p.text().nullable(),
    uid: p.text().nullable(),
    userCode: p.text().nullable(),
    expireTime: p.datetime(6).nullable(),
  },
  indexes: [
    { name: 'stored_model_grant', properties: ['grantId'] },
    { name: 'stored_model_uid', properties: ['uid'] },
    { name: 'stored_model_user_code', properties: ['userCode'] },
    { name: 'stored_model_expire', properties: ['expireTime'] },
  ],
});
